//! The ranker: where search, attention, head, calibration and fallback meet.

use std::collections::BTreeMap;

use crate::bundle::{Bundle, BundleError};
use crate::explain;
use crate::fallback;
use crate::graph::{Graph, GraphError, Inputs, Outputs};
use crate::inputs::{self, Found, Lookup, Rows, Searched};
use crate::request::{ExplainRequest, Request, RequestError};
use crate::response::{AnsweredBy, ExplainResponse, Notes, Ranked, Response, Source};
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

    /// Ranks the request's candidates.
    pub fn rank(&self, request: &Request) -> Result<Response, RankError> {
        Ok(self.answer(request)?.response)
    }

    /// Ranks the request's candidates and says what attention looked at for the best of them.
    pub fn explain(&self, request: &ExplainRequest) -> Result<ExplainResponse, RankError> {
        let answer = self.answer(&request.request)?;
        let explanations = match &answer.run {
            None => Vec::new(),
            Some(run) => explain::best(&answer.response.ranked, run, request.top as usize),
        };
        Ok(ExplainResponse { response: answer.response, explanations })
    }

    fn answer(&self, request: &Request) -> Result<Answer, RankError> {
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
        let found = lookup.find_all(&candidates);
        let (known, unknown): (Vec<_>, Vec<_>) =
            candidates.iter().copied().zip(found).partition(|(_, found)| found.is_some());
        notes.unknown_candidates = unknown.len() as u32;
        let (engaged, skips) = sequences(&timeline, &lookup, manifest.skips as usize, &mut notes);

        if engaged.past.is_empty() && skips.past.is_empty() {
            let response =
                fallback::from_popularity(&model.bundle, shard.hash(), request, &timeline, &candidates, notes);
            return Ok(Answer { response, run: None });
        }

        let gsu = request.gsu.unwrap_or(manifest.default_gsu);
        let (known_items, found): (Vec<u64>, Vec<Found>) =
            known.into_iter().filter_map(|(item, found)| Some((item, found?))).unzip();
        let run = if known_items.is_empty() {
            None
        } else {
            let dimension = manifest.embedding_dim as usize;
            let (recent, skip) = (manifest.recent as usize, manifest.skips as usize);
            let inputs = Inputs {
                user_field,
                context,
                candidate: lookup.candidates(&found),
                recent: lookup.event_rows(&engaged, request.now, dimension, recent),
                skip: lookup.event_rows(&skips, request.now, dimension, skip),
                dimension,
            };
            let history = Searched { lookup: &lookup, rows: &engaged, now: request.now };
            let outputs = model.graph.run(inputs, gsu, &history);
            lookup.check()?;
            let outputs = outputs?;
            let past = |rows: &Rows| rows.past.iter().map(|event| event.index).collect();
            Some(Run {
                positions: known_items.into_iter().zip(0..).collect(),
                engaged: past(&engaged),
                skips: past(&skips),
                recent,
                skip,
                outputs,
            })
        };

        stage::begin(Stage::Answer);
        let scores = Scores { model, request, run: run.as_ref() };
        let mut ranked: Vec<Ranked> = candidates
            .iter()
            .map(|&item| scores.of(item).ranked(item, request.weights, timeline.holds(item)))
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

struct Answer {
    response: Response,
    /// What the model computed, where it did.
    run: Option<Run>,
}

/// What the graph gave, with what its rows stand for.
pub(crate) struct Run {
    /// Position of each item among the graph's candidates.
    positions: BTreeMap<u64, usize>,
    /// For each event row, its index in the request's history.
    pub engaged: Vec<u32>,
    /// For each skip row, its index in the request's history.
    pub skips: Vec<u32>,
    /// Rows of the recent sequence.
    pub recent: usize,
    /// Rows of the skip sequence.
    pub skip: usize,
    pub outputs: Outputs,
}

impl Run {
    /// Number of the graph's candidates.
    pub fn candidates(&self) -> usize {
        self.positions.len()
    }

    /// Position of an item among the graph's candidates.
    pub fn position(&self, item: u64) -> Option<usize> {
        self.positions.get(&item).copied()
    }
}

struct Scores<'a> {
    model: &'a Model,
    request: &'a Request,
    run: Option<&'a Run>,
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
                let calibration = &self.model.bundle.manifest().calibration;
                let (p_click, p_save) =
                    (calibration.click.probability(logits[0]), calibration.save.probability(logits[1]));
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

/// Divides the timeline into engaged events and the last `most_skips` skips, leaving out items without an embedding.
fn sequences(timeline: &Timeline, lookup: &Lookup, most_skips: usize, notes: &mut Notes) -> (Rows, Rows) {
    let (mut engaged, mut skips) = (Rows::default(), Rows::default());
    let items: Vec<u64> = timeline.events.iter().map(|event| event.item).collect();
    for (event, found) in timeline.events.iter().zip(lookup.find_all(&items)) {
        match found {
            None => notes.unknown_item_events += 1,
            Some(found) if event.action.is_skip() => {
                if skips.past.len() < most_skips {
                    skips.push(*event, found);
                }
            }
            Some(found) => engaged.push(*event, found),
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
