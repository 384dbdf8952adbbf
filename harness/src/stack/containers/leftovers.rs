//! Removes a stack on every way out: taken down, dropped in a panic, a start that failed, a run that was cancelled.
//! Never: leaves the removal to chance where it failed (the watchdog tries again).

use std::sync::Mutex;
use std::sync::PoisonError;

use super::docker::Engine;
use super::error::StackError;
use super::owner::StackId;
use super::sweep::sweep_stack;
use super::watchdog::Watchdog;

/// What will have to be removed. Dropping it removes it.
pub(super) struct Leftovers {
    stack: StackId,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    watchdog: Option<Watchdog>,
    removed: bool,
}

impl Leftovers {
    /// Armed before anything is made. With a watchdog, also for the case that this process is killed.
    pub(super) fn of(stack: &StackId, with_watchdog: bool) -> Leftovers {
        let watchdog = with_watchdog.then(|| Watchdog::start(stack)).flatten();
        Leftovers {
            stack: stack.clone(),
            state: Mutex::new(State {
                watchdog,
                removed: false,
            }),
        }
    }

    /// Removes everything now.
    pub(super) async fn remove(&self, engine: &Engine) -> Result<(), StackError> {
        sweep_stack(engine, &self.stack).await?;
        self.state().settle();
        Ok(())
    }

    /// Lets everything stay; the next sweep after this process finds it without an owner.
    pub(super) fn keep(&self) {
        self.state().settle();
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn settle(&mut self) {
        self.removed = true;
        if let Some(watchdog) = self.watchdog.take() {
            watchdog.dismiss();
        }
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        let removed = self.state().removed;
        // Where removal fails, the watchdog is left to try: its pipe closes when it is dropped.
        if !removed && remove_on_a_thread(self.stack.clone()) {
            self.state().settle();
        }
    }
}

/// A drop cannot wait for a future on the runtime it runs on, and there may be none: a thread has its own.
fn remove_on_a_thread(stack: StackId) -> bool {
    let removing = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| e.to_string())?;
        runtime.block_on(async {
            let engine = Engine::connect().await.map_err(|e| e.to_string())?;
            sweep_stack(&engine, &stack).await.map_err(|e| e.to_string())
        })
    });
    match removing.join() {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => {
            tracing::warn!("parts of a stack may be left (paytwice clean removes them): {error}");
            false
        }
        Err(_) => false,
    }
}
