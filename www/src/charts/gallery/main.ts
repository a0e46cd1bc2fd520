import { mount } from "svelte";
import "../../app.css";
import Gallery from "./Gallery.svelte";

const target = document.getElementById("gallery");
if (!target) throw new Error("gallery.html has no element #gallery");
const asked = new URLSearchParams(location.search);
document.documentElement.dataset.theme = asked.get("theme") ?? "light";
mount(Gallery, { target, props: { events: Number(asked.get("events") ?? 1000) } });
