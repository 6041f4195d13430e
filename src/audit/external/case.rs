//! The evidence in a file of predictions.
//!
//! Not the reading of the file, nor the audit.

use super::inspect::ExternalPredictions;
use super::shadow_values::{self, TargetScale};
use super::shadows::{AskedRecords, FileShadows, ShadowFile};
use crate::audit::evidence::{AttackedRecords, AuditCase, AuditedModel, BlindBy, Evidence, measured};
use crate::audit::persons::Persons;
use crate::audit::results::subgroups::Subgroups;
use crate::audit::shadows::{self, Shadows, WithoutScore};
use crate::dataset::DatasetSummary;
use crate::error::Result;
use crate::gpu::Context;
use crate::run::predictions::{MEMBER, REFERENCE, TEST};
use crate::statistics::halves::LEAST_RECORDS;
use std::time::Instant;

impl ExternalPredictions {
    /// All that an audit can go by. `seed` draws what the attacker knows; `subgroups` and `persons` are those
    /// of a file of their own, else the predictions'; without `gpu` no attack network is trained.
    ///
    /// # Errors
    /// Too few records; shadow models' predictions that do not fit.
    pub fn case<'a>(
        &'a self,
        seed: u64,
        subgroups: Option<&'a Subgroups>,
        persons: Option<&'a Persons>,
        gpu: Option<&'a Context>,
    ) -> Result<AuditCase<'a>> {
        let started = Instant::now();
        let model = self.model();
        let gpu = gpu.ok_or_else(|| "--neural is not given".to_owned());
        let persons = persons.or(self.persons.as_ref());
        let with_names = |evidence: Evidence<'a>| {
            let name =
                |ids: &[Box<str>]| evidence.places.iter().map(|&at| ids[at as usize].to_string()).collect();
            Evidence { ids: self.ids.as_deref().map(name), ..evidence }
        };
        let by_person = |evidence: Evidence<'a>, code: u8| match persons {
            Some(persons) => {
                evidence.by_person(persons.of([model.places(code), model.places(TEST)].concat()))
            }
            None => Ok(evidence),
        };
        let on_members = Evidence::new(model, AttackedRecords::Members, seed, gpu)?;
        let mut on_members = by_person(with_names(on_members), MEMBER)?;
        on_members.queries = Err("a file answers no queries".to_owned());
        on_members.shadows = match &self.shadows {
            Some(file) => Ok(self.shadows(file, &on_members)?),
            None => Err("the file has no shadow models".to_owned()),
        };
        let on_reference = (model.places(REFERENCE).len() >= LEAST_RECORDS).then(|| {
            // A network would have to be trained anew, without a control.
            let gpu = Err("not for D′ of a file".to_owned());
            let evidence = Evidence::new(model, AttackedRecords::Reference, seed, gpu)?;
            by_person(with_names(evidence), REFERENCE)
        });
        let mut notes: Vec<String> = self.found.iter().chain(&self.warnings).cloned().collect();
        notes.extend(self.shadows.iter().map(|file| format!("{} shadow models", file.models())));
        let subgroups = subgroups.or(self.subgroups.as_ref());
        Ok(AuditCase {
            name: self.name.clone(),
            models: vec![AuditedModel {
                measured: measured(None, model),
                on_members,
                on_reference: on_reference.transpose()?,
                blind: BlindBy::Labels,
                subgroups: subgroups
                    .map(|groups| groups.grouping(&model.places(MEMBER), &model.places(TEST))),
                logistic: None,
                notes: vec![],
            }],
            class_names: &self.class_names,
            dataset: DatasetSummary {
                name: self.name.clone(),
                records: self.records(),
                features: None,
                classes: self.classes,
            },
            notes,
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    fn shadows<'a>(&'a self, file: &'a ShadowFile, evidence: &Evidence) -> Result<Shadows<'a>> {
        let model = self.model();
        let records =
            AskedRecords { labels: &self.labels, copies: self.augmentations, target: model.outputs };
        let (members, others) = (model.places(MEMBER), model.places(TEST));
        let known = evidence.halves.known_nonmembers.iter().map(|&i| others[i as usize]);
        let phi = records.phi(self.copies())?;
        let scale = TargetScale::of(&phi);
        let target = shadows::TargetModel {
            phi,
            copies: self.augmentations,
            labels: self.labels.clone(),
            outputs: None,
            places: members.iter().chain(&others).map(|&place| Some(place as usize)).collect(),
            pooled: self.labels.len(),
            population: known.collect(),
            without_score: WithoutScore::IsLeftOut,
        };
        let shadows = Shadows::new(Box::new(FileShadows { file, records, scale }), target)?;
        shadow_values::check_direction(&shadows, &file.place(), file.values(model.outputs.form))?;
        Ok(shadows)
    }
}
