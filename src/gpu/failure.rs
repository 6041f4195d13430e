//! What goes wrong on a device after it was opened: it is lost (for good), it is out of memory (less may do),
//! or it refuses what it was asked (a fault of ours or of its driver). Kept as it is reported, told as an
//! error where the work is waited for.
//!
//! Not what is done about it: who owns the work knows what of it is kept.

use crate::error::{Error, Kind, Result};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, Once};

/// The first failures that a device reported.
#[derive(Debug, Clone, Default)]
pub(super) struct Failures(Arc<Mutex<Reported>>);

#[derive(Debug, Default)]
struct Reported {
    /// Why the device is lost: it stays so.
    lost: Option<String>,
    /// What it refused since it was last asked.
    refused: Option<(Kind, String)>,
}

impl Failures {
    /// Listens to `device`.
    pub fn of(device: &wgpu::Device) -> Self {
        let failures = Failures::default();
        let (lost, refused) = (failures.clone(), failures.clone());
        device.set_device_lost_callback(move |reason, message| {
            lost.lose(match reason {
                wgpu::DeviceLostReason::Destroyed if message.is_empty() => "it was destroyed".to_owned(),
                _ => message,
            });
        });
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            if let Ok(mut reported) = refused.0.lock() {
                reported.refused.get_or_insert_with(|| described(&error));
            }
        }));
        failures
    }

    /// The device is lost, for this `reason` unless an earlier one is known.
    pub fn lose(&self, reason: String) {
        if let Ok(mut reported) = self.0.lock() {
            reported.lost.get_or_insert(reason);
        }
    }

    /// Why the device is lost, if it is.
    pub fn lost(&self) -> Option<String> {
        self.0.lock().ok().and_then(|reported| reported.lost.clone())
    }

    /// What was reported, as an error on the adapter of this name; a refusal is told once.
    ///
    /// # Errors
    /// [`Kind::Lost`], [`Kind::Memory`] or [`Kind::Gpu`].
    pub fn check(&self, adapter: &str) -> Result<()> {
        let Ok(mut reported) = self.0.lock() else { return Ok(()) };
        if let Some(reason) = &reported.lost {
            return Err(lost(adapter, reason));
        }
        match reported.refused.take() {
            None => Ok(()),
            Some((Kind::Memory, message)) => {
                Err(Error::new(Kind::Memory, format!("adapter {adapter}")).found(message).advice(LESS))
            }
            Some((kind, message)) => Err(Error::new(kind, format!("adapter {adapter}"))
                .found(message)
                .advice("run `veilgrad check`: it says whether this adapter computes what it should")),
        }
    }
}

/// What takes less memory.
pub(super) const LESS: &str =
    "lower the batch size, the width of the layers or the number of records, or choose another adapter";

/// The error of a device that is lost. How to go on, who owns the work adds.
fn lost(adapter: &str, reason: &str) -> Error {
    let (cause, advice) = match reason.to_lowercase().contains("memory") {
        true => ("", "lower the batch size or the number of replicas"),
        false => (
            ": its driver was reset, stopped work that took too long, or the machine slept",
            "where that happens again, update the driver or lower the batch size",
        ),
    };
    Error::new(Kind::Lost, format!("adapter {adapter}"))
        .expected("the device to work on")
        .found(format!("that it is lost ({}){cause}", reason.trim_end_matches('.')))
        .advice(advice)
}

/// The kind of a wgpu error, and what it says in one line.
pub(super) fn described(error: &wgpu::Error) -> (Kind, String) {
    let kind = match error {
        wgpu::Error::OutOfMemory { .. } => Kind::Memory,
        _ => Kind::Gpu,
    };
    (kind, one_line(&error.to_string()))
}

/// wgpu's tree of causes without its headings, in a line.
pub(super) fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let said = lines.filter(|l| !l.is_empty() && !["Validation Error", "Caused by:"].contains(l));
    said.collect::<Vec<_>>().join(": ")
}

/// What `call` gives, or the message of the panic that it ends in: wgpu 30 panics where it polls a device
/// that is lost, and the reason is an error for us as any other. Nothing of it is printed.
pub(super) fn without_panic<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    thread_local! {
        static SILENT: Cell<bool> = const { Cell::new(false) };
    }
    static HOOK: Once = Once::new();
    // Once, and with what was there before for every other panic: hooks belong to the process, threads that
    // panic for reasons of their own must be heard.
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !SILENT.get() {
                before(info);
            }
        }));
    });
    SILENT.set(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    SILENT.set(false);
    result.map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        one_line(text.or(payload.downcast_ref::<&str>().copied()).unwrap_or("an unknown failure"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_call_is_its_error_and_others_are_not_touched() {
        assert_eq!(without_panic(|| 3), Ok(3));
        let message = "Error in Device::poll: Validation Error\n\nCaused by:\n  Parent device is lost\n";
        let text = without_panic(|| -> () { panic!("{message}") }).unwrap_err();
        assert_eq!(text, "Error in Device::poll: Validation Error: Parent device is lost");
        assert_eq!(one_line("Validation Error\n\nCaused by:\n  a\n    b\n"), "a: b");
    }

    #[test]
    fn a_loss_is_told_every_time_and_a_refusal_once() {
        let failures = Failures::default();
        failures.check("gpu").unwrap();
        failures.0.lock().unwrap().refused = Some((Kind::Memory, "no room".to_owned()));
        assert_eq!(failures.check("gpu").unwrap_err().kind, Kind::Memory);
        failures.check("gpu").unwrap();
        failures.lose("reset".to_owned());
        failures.lose("a consequence".to_owned());
        for _ in 0..2 {
            let error = failures.check("gpu").unwrap_err();
            assert_eq!(error.kind, Kind::Lost);
            assert!(error.found.contains("reset"), "{error}");
        }
    }
}
