/** The wheel zooms a chart only for who points at it: a page that scrolls past under a pointer that rests goes on scrolling. */

/** Keeps the wheel from the chart within `host` until the pointer moves there; what it gives back lets go. */
export function guardWheel(host: HTMLElement): () => void {
    let meant = false;
    let [x, y] = [NaN, NaN];
    const moved = (event: PointerEvent) => {
        // A page that scrolls makes browsers tell of moves that were none.
        if (event.clientX === x && event.clientY === y) return;
        [x, y] = [event.clientX, event.clientY];
        meant = event.target instanceof Node && host.contains(event.target);
    };
    const scrolled = () => {
        meant = false;
    };
    const wheeled = (event: WheelEvent) => {
        if (!meant) event.stopPropagation();
    };
    const early = { capture: true, passive: true };
    window.addEventListener("pointermove", moved, early);
    window.addEventListener("scroll", scrolled, early);
    host.addEventListener("wheel", wheeled, early);
    return () => {
        window.removeEventListener("pointermove", moved, early);
        window.removeEventListener("scroll", scrolled, early);
        host.removeEventListener("wheel", wheeled, early);
    };
}
