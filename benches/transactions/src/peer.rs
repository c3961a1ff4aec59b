//! The same saga on steno 0.5, with its store in memory, on one thread.

use std::sync::Arc;

use slog::{Discard, Logger, o};
use steno::{
    Action, ActionContext, ActionError, ActionFunc, ActionRegistry, DagBuilder, InMemorySecStore, Node,
    SagaDag, SagaId, SagaName, SagaType, SecClient,
};
use tokio::runtime::Runtime;

use crate::saga::STEPS;

#[derive(Debug)]
struct Noop;

impl SagaType for Noop {
    type ExecContextType = ();
}

async fn done(_: ActionContext<Noop>) -> Result<(), ActionError> {
    Ok(())
}

async fn refused(_: ActionContext<Noop>) -> Result<(), ActionError> {
    Err(ActionError::action_failed(String::from("refused")))
}

async fn undone(_: ActionContext<Noop>) -> Result<(), anyhow::Error> {
    Ok(())
}

pub(crate) struct Steno {
    runtime: Runtime,
    client: SecClient,
    registry: Arc<ActionRegistry<Noop>>,
    dag: Arc<SagaDag>,
}

impl Steno {
    pub(crate) fn new(goes_back: bool) -> Result<Self, Box<dyn std::error::Error>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = runtime
            .block_on(async { steno::sec(Logger::root(Discard, o!()), Arc::new(InMemorySecStore::new())) });
        let does: Arc<dyn Action<Noop>> = ActionFunc::new_action("does", done, undone);
        let refuses: Arc<dyn Action<Noop>> = ActionFunc::new_action("refuses", refused, undone);
        let mut registry = ActionRegistry::new();
        registry.register(Arc::clone(&does));
        registry.register(Arc::clone(&refuses));
        let mut builder = DagBuilder::new(SagaName::new("noop"));
        for step in 1..=STEPS {
            let action = if goes_back && step == STEPS { &refuses } else { &does };
            let name = format!("step-{step}");
            builder.append(Node::action(name.as_str(), name.as_str(), &**action));
        }
        let dag = Arc::new(SagaDag::new(builder.build()?, serde_json::Value::Null));
        Ok(Self { runtime, client, registry: Arc::new(registry), dag })
    }

    /// Runs so many sagas to their ends, one after the other.
    pub(crate) fn run(&self, sagas: u64) {
        self.runtime.block_on(async {
            for _ in 0..sagas {
                let id = SagaId::new_v4();
                let (dag, registry) = (Arc::clone(&self.dag), Arc::clone(&self.registry));
                let created = self.client.saga_create(id, Arc::new(()), dag, registry).await;
                let ended = created.expect("the saga is created");
                self.client.saga_start(id).await.expect("the saga starts");
                let result = ended.await;
                assert_eq!(result.saga_id, id);
            }
        });
    }
}
