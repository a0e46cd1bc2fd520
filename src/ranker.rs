//! The ranker: where search, attention, head, calibration and fallback meet.

use std::collections::BTreeMap;

use crate::bundle::{Bundle, BundleError};
use crate::explain;
use crate::fallback;
use crate::graph::{Graph, GraphError, Inputs, Outputs};
use crate::in_history::InHistory;
use crate::inputs::{self, Found, FoundEvent, Lookup, Searched};
use crate::long_attention::AttentionBias;
use crate::request::{ExplainRequest, Gsu, MAX_PARTS, Part, Request, RequestError};
use crate::response::{AnsweredBy, ExplainResponse, Notes, Ranked, Response, Source, Without};
use crate::score::{self, Scored};
use crate::sequence::Timeline;
use crate::shard::{Delta, Shard, ShardError};
use crate::stage::{self, Stage};

/// Why a bundle, shard or delta was not taken; the ranker is as it was before.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LoadError {
    /// The bytes are not a bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The bundle's graph does not load.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The bytes are not a shard or delta, or the delta is for another shard.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// Bundle and shard live in different embedding spaces.
    #[error(
        "the bundle was trained on embedding version {bundle:?}, the shard holds {shard:?}; load a shard of the bundle's version, or both anew in a new ranker"
    )]
    EmbeddingVersion {
        /// The bundle's.
        bundle: String,
        /// The shard's.
        shard: String,
    },
    /// The shard's rows are not what the bundle reads.
    #[error("the shard has {field} {shard}, the bundle reads {bundle}; export both from one training run")]
    ShardShape {
        /// The field.
        field: &'static str,
        /// The bundle's.
        bundle: usize,
        /// The shard's.
        shard: usize,
    },
    /// A delta came before any shard.
    #[error("no shard is loaded for the delta to apply to; push the full shard first")]
    NoBase,
}

/// Why a request was not answered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RankError {
    /// Nothing is loaded.
    #[error("no {0} is loaded; load one before ranking")]
    NotLoaded(&'static str),
    /// The request is wrong.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The model failed.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A row that the request needs is not what a shard may hold; whoever published the shard did not verify it.
    #[error(transparent)]
    Shard(#[from] ShardError),
}

/// One model version with the items it ranks.
#[derive(Default)]
pub struct Ranker {
    model: Option<Model>,
    shard: Option<Shard>,
}

struct Model {
    bundle: Bundle,
    graph: Graph,
}

impl Model {
    /// Calibrated P(click) and P(save).
    fn probabilities(&self, [click, save]: [f32; 2]) -> (f32, f32) {
        let calibration = &self.bundle.manifest().calibration;
        (calibration.click.probability(click), calibration.save.probability(save))
    }
}

impl Ranker {
    /// A ranker with nothing loaded.
    pub fn new() -> Ranker {
        Ranker::default()
    }

    /// Loads or replaces the bundle; on an error the old one stays.
    pub fn load_bundle(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        let bundle = Bundle::decode(bytes)?;
        if let Some(shard) = &self.shard {
            check_pair(&bundle, shard)?;
        }
        let graph = Graph::load(bundle.graph())?;
        check_graph(&bundle, &graph)?;
        self.model = Some(Model { bundle, graph });
        Ok(())
    }

    /// Loads or replaces the shard; on an error the old one stays. Its rows are not looked at: see [`Shard`].
    pub fn push_shard(&mut self, mut bytes: Vec<u8>) -> Result<(), LoadError> {
        self.take_shard(&mut bytes)
    }

    /// Loads or replaces the shard, of which the bytes stay where they are: they are taken out of `bytes`, or left
    /// there on an error.
    pub fn take_shard(&mut self, bytes: &mut Vec<u8>) -> Result<(), LoadError> {
        let shard = Shard::take(bytes)?;
        if let Some(model) = &self.model
            && let Err(error) = check_pair(&model.bundle, &shard)
        {
            *bytes = shard.into_bytes();
            return Err(error);
        }
        self.shard = Some(shard);
        Ok(())
    }

    /// Applies a delta to the shard; on an error the shard stays as it is.
    pub fn apply_delta(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        let shard = self.shard.as_ref().ok_or(LoadError::NoBase)?;
        let shard = shard.apply(&Delta::decode(bytes.to_vec())?)?;
        if let Some(model) = &self.model {
            check_pair(&model.bundle, &shard)?;
        }
        self.shard = Some(shard);
        Ok(())
    }

    /// The bundle, where one is loaded.
    pub fn bundle(&self) -> Option<&Bundle> {
        self.model.as_ref().map(|model| &model.bundle)
    }

    /// The shard, where one is loaded.
    pub fn shard(&self) -> Option<&Shard> {
        self.shard.as_ref()
    }

    /// What long attention learned of time and actions, where a bundle is loaded.
    pub fn attention_bias(&self) -> Option<AttentionBias<'_>> {
        self.model.as_ref().map(|model| model.graph.attention_bias())
    }

    /// Ranks the request's candidates.
    pub fn rank(&self, request: &Request) -> Result<Response, RankError> {
        Ok(self.answer(request, false)?.response)
    }

    /// Ranks the request's candidates and says what attention looked at for the best of them, and what the model says
    /// of those without each of the parts.
    pub fn explain(&self, request: &ExplainRequest) -> Result<ExplainResponse, RankError> {
        if request.parts.len() > MAX_PARTS {
            return Err(RequestError::TooManyParts(request.parts.len()).into());
        }
        let Answer { response, run } = self.answer(&request.request, true)?;
        let mut explanations = Vec::new();
        if let Some(run) = run {
            explanations = explain::best(&response.ranked, &run, request.top as usize);
            let items: Vec<u64> = explanations.iter().map(|explained| explained.item).collect();
            for &part in &request.parts {
                for (explained, without) in explanations.iter_mut().zip(run.without(part, &items)?) {
                    explained.without.push(without);
                }
            }
        }
        Ok(ExplainResponse { response, explanations })
    }

    /// An answer, with attention's weights where they are to be kept.
    fn answer<'a>(&'a self, request: &'a Request, keep_weights: bool) -> Result<Answer<'a>, RankError> {
        let model = self.model.as_ref().ok_or(RankError::NotLoaded("bundle"))?;
        let shard = self.shard.as_ref().ok_or(RankError::NotLoaded("shard"))?;
        let manifest = model.bundle.manifest();
        stage::begin(Stage::Lookup);
        request.check()?;
        let lookup = Lookup::new(shard, manifest, request)?;

        let mut notes = Notes::default();
        let timeline = Timeline::of(request, &mut notes);
        let user_field = inputs::user_field(manifest, &request.attributes, &mut notes);
        let context = inputs::context(manifest, request, &mut notes);
        let candidates = score::distinct(&request.candidates, &mut notes);
        let in_history = InHistory::of(&candidates, timeline.items());
        let found = lookup.find_all(&candidates);
        let (known, unknown): (Vec<_>, Vec<_>) =
            candidates.iter().copied().zip(found).partition(|(_, found)| found.is_some());
        notes.unknown_candidates = unknown.len() as u32;
        let (engaged, skips) = sequences(&timeline, &lookup, manifest.skips as usize, &mut notes);

        if engaged.is_empty() && skips.is_empty() {
            let response =
                fallback::from_popularity(&model.bundle, shard.hash(), request, &in_history, &candidates, notes);
            return Ok(Answer { response, run: None });
        }

        let gsu = request.gsu.unwrap_or(manifest.default_gsu);
        let (items, found): (Vec<u64>, Vec<Found>) =
            known.into_iter().filter_map(|(item, found)| Some((item, found?))).unzip();
        let run = if items.is_empty() {
            None
        } else {
            Some(Run::of(
                Read { model, lookup, timeline, gsu, user_field, context, engaged, skips },
                &items,
                found,
                keep_weights,
            )?)
        };

        stage::begin(Stage::Answer);
        let scores = Scores { model, request, run: run.as_ref() };
        let mut ranked: Vec<Ranked> = candidates
            .iter()
            .map(|&item| scores.of(item).ranked(item, request.weights, in_history.holds(item)))
            .collect();
        score::best_first(&mut ranked);
        let response = Response {
            answered_by: AnsweredBy::Model,
            model: manifest.name.clone(),
            bundle_hash: model.bundle.hash(),
            shard_hash: shard.hash(),
            gsu,
            ranked,
            notes,
        };
        Ok(Answer { response, run })
    }
}

struct Answer<'a> {
    response: Response,
    /// What the model computed, where it did.
    run: Option<Run<'a>>,
}

/// What the model reads of a request, but for the candidates.
struct Read<'a> {
    model: &'a Model,
    lookup: Lookup<'a>,
    timeline: Timeline<'a>,
    gsu: Gsu,
    user_field: Vec<i64>,
    context: [i64; 3],
    /// Newest first.
    engaged: Vec<FoundEvent>,
    /// Newest first.
    skips: Vec<FoundEvent>,
}

impl Read<'_> {
    /// Runs the graph over some candidates, less one part; keeps attention's weights or not.
    fn run(&self, candidates: &[Found], without: Option<Part>, keep_weights: bool) -> Result<Outputs, RankError> {
        let manifest = self.model.bundle.manifest();
        let dimension = manifest.embedding_dim as usize;
        let [engaged, recent, skips] =
            [(Part::Long, &self.engaged), (Part::Recent, &self.engaged), (Part::Skips, &self.skips)]
                .map(|(part, rows)| if without == Some(part) { &[] } else { &rows[..] });
        let event_rows = |rows, padded: u32| self.lookup.event_rows(rows, &self.timeline, dimension, padded as usize);
        let mut inputs = Inputs {
            user_field: self.user_field.clone(),
            context: self.context,
            candidate: self.lookup.candidates(candidates),
            recent: event_rows(recent, manifest.recent),
            skip: event_rows(skips, manifest.skips),
            dimension,
        };
        match without {
            Some(Part::Item) => inputs.candidate.feature.fill(0.0),
            Some(Part::User) => inputs.user_field.fill(0),
            Some(Part::Long | Part::Recent | Part::Skips) | None => {}
        }
        let history = Searched { lookup: &self.lookup, rows: engaged, timeline: &self.timeline };
        let outputs = self.model.graph.run(inputs, self.gsu, &history, keep_weights);
        // A damaged row explains what the graph then says.
        self.lookup.check()?;
        Ok(outputs?)
    }

    /// Where events stand in the request's history.
    fn indices(&self, rows: &[FoundEvent]) -> Vec<u32> {
        rows.iter().map(|row| self.timeline.index(row.event as usize)).collect()
    }
}

/// What the graph gave, with what its rows stand for.
pub(crate) struct Run<'a> {
    read: Read<'a>,
    /// Position of each item among the graph's candidates.
    positions: BTreeMap<u64, usize>,
    /// Where each of them was found.
    found: Vec<Found>,
    /// Rows of the recent sequence.
    pub recent: usize,
    /// Rows of the skip sequence.
    pub skip: usize,
    pub outputs: Outputs,
}

impl<'a> Run<'a> {
    fn of(read: Read<'a>, items: &[u64], found: Vec<Found>, keep_weights: bool) -> Result<Run<'a>, RankError> {
        let outputs = read.run(&found, None, keep_weights)?;
        let manifest = read.model.bundle.manifest();
        Ok(Run {
            positions: items.iter().copied().zip(0..).collect(),
            found,
            recent: manifest.recent as usize,
            skip: manifest.skips as usize,
            outputs,
            read,
        })
    }

    /// Number of the graph's candidates.
    pub fn candidates(&self) -> usize {
        self.positions.len()
    }

    /// Position of an item among the graph's candidates.
    pub fn position(&self, item: u64) -> Option<usize> {
        self.positions.get(&item).copied()
    }

    /// For each event row, its index in the request's history.
    pub fn engaged(&self) -> Vec<u32> {
        self.read.indices(&self.read.engaged)
    }

    /// For each skip row, its index in the request's history.
    pub fn skips(&self) -> Vec<u32> {
        self.read.indices(&self.read.skips)
    }

    /// What the model says of some of its candidates when it does not read one part.
    fn without(&self, part: Part, items: &[u64]) -> Result<Vec<Without>, RankError> {
        let found: Vec<Found> = items.iter().filter_map(|&item| Some(self.found[self.position(item)?])).collect();
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let outputs = self.read.run(&found, Some(part), false)?;
        let logits = outputs.logit.chunks_exact(2).map(|logits| [logits[0], logits[1]]);
        Ok(logits
            .map(|logits| {
                let (p_click, p_save) = self.read.model.probabilities(logits);
                Without { part, p_click, p_save, logits }
            })
            .collect())
    }
}

struct Scores<'a> {
    model: &'a Model,
    request: &'a Request,
    run: Option<&'a Run<'a>>,
}

impl Scores<'_> {
    /// The model's probabilities of an item, or its popularity where the model has no embedding of it.
    fn of(&self, item: u64) -> Scored {
        let logits = self.run.and_then(|run| {
            let position = run.position(item)?;
            Some([run.outputs.logit[2 * position], run.outputs.logit[2 * position + 1]])
        });
        match logits {
            Some(logits) => {
                let (p_click, p_save) = self.model.probabilities(logits);
                Scored { p_click, p_save, logits: Some(logits), source: Source::Model }
            }
            None => {
                let popularity = self.model.bundle.popularity();
                let table = popularity.group(&self.request.attributes).unwrap_or(&popularity.global);
                let (p_click, p_save) = table.rates(item);
                Scored { p_click, p_save, logits: None, source: Source::Popularity }
            }
        }
    }
}

/// Divides events into engaged ones and the first `most_skips` skips, leaving out items without an embedding. A
/// function of its own, so that what it holds has the registers to itself.
#[inline(never)]
fn sequences(
    timeline: &Timeline,
    lookup: &Lookup,
    most_skips: usize,
    notes: &mut Notes,
) -> (Vec<FoundEvent>, Vec<FoundEvent>) {
    let found = lookup.find_all(timeline.items());
    let (mut engaged, mut skips) = (Vec::with_capacity(found.len()), Vec::new());
    for (event, item) in found.into_iter().enumerate().rev() {
        let Some(item) = item else {
            notes.unknown_item_events += 1;
            continue;
        };
        let found = FoundEvent { event: event as u32, item };
        if !timeline.action(event).is_skip() {
            engaged.push(found);
        } else if skips.len() < most_skips {
            skips.push(found);
        }
    }
    (engaged, skips)
}

fn check_graph(bundle: &Bundle, graph: &Graph) -> Result<(), GraphError> {
    let manifest = bundle.manifest();
    let expected = (manifest.embedding_dim as usize, manifest.categories.len() + 1);
    if graph.reads() != expected {
        let (expected, got) = (format!("{expected:?}"), format!("{:?}", graph.reads()));
        return Err(GraphError::Signature { what: "embedding dimension and categories", expected, got });
    }
    Ok(())
}

fn check_pair(bundle: &Bundle, shard: &Shard) -> Result<(), LoadError> {
    let (manifest, header) = (bundle.manifest(), shard.header());
    if manifest.embedding_version != header.embedding_version {
        let (bundle, shard) = (manifest.embedding_version.clone(), header.embedding_version.clone());
        return Err(LoadError::EmbeddingVersion { bundle, shard });
    }
    let widths = [
        ("embedding dimension", manifest.embedding_dim as usize, header.dimension),
        ("feature count", manifest.item_features.len(), header.feature_count),
    ];
    for (field, bundle, shard) in widths {
        if bundle != shard {
            return Err(LoadError::ShardShape { field, bundle, shard });
        }
    }
    match shard.largest_category() {
        Some(category) if category as usize > manifest.categories.len() => {
            let (bundle, shard) = (manifest.categories.len(), category as usize);
            Err(LoadError::ShardShape { field: "a category", bundle, shard })
        }
        _ => Ok(()),
    }
}
