//! Makes cards from the key files and card images of a project, and reads each file once.

use super::diagnostic::{Diagnostic, Problems};
use super::project::{Fixture, Project};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use taprig_card::{Card, KeyRing, PersonaliseError};
use taprig_model::card::{CardImage, Change, KeyFile};
use taprig_model::name::Name;

/// Key files by name.
pub type KeyFiles = BTreeMap<Name, KeyFile>;

/// Keys and images of a project. A file is read when it is first needed.
#[derive(Debug)]
pub struct Workshop {
    project: Project,
    keys: Option<(Arc<KeyFiles>, KeyRing)>,
    /// Images by file. The value is `None` if an image is wrong.
    images: BTreeMap<PathBuf, Option<CardImage>>,
}

impl Workshop {
    /// A workshop that has not read anything yet.
    #[must_use]
    pub fn new(project: &Project) -> Self {
        Self { project: project.clone(), keys: None, images: BTreeMap::new() }
    }

    /// The project whose cards the workshop makes.
    #[must_use]
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// All key files that can be read. Problems of a key file are reported for the file itself.
    pub fn key_files(&mut self, problems: &mut Problems) -> Arc<KeyFiles> {
        self.keys(problems).0.clone()
    }

    /// The card that results when `changes` are applied to the image of this name.
    pub fn card(
        &mut self,
        image: &str,
        changes: &[Change],
        problems: &mut Problems,
    ) -> Option<Result<Card, PersonaliseError>> {
        self.card_of(&self.project.file(Fixture::Card, image), changes, problems)
    }

    /// The card that results when `changes` are applied to the image in this file. It is `None` if the image itself is
    /// wrong. That problem is reported for the image's file, and not for each case that uses it.
    pub fn card_of(
        &mut self,
        file: &Path,
        changes: &[Change],
        problems: &mut Problems,
    ) -> Option<Result<Card, PersonaliseError>> {
        self.keys(problems);
        if !self.images.contains_key(file) {
            let read = self.read(file, problems);
            self.images.insert(file.to_owned(), read);
        }
        let (image, (_, ring)) = (self.images.get(file)?.as_ref()?, self.keys.as_ref()?);
        Some(taprig_card::personalise(image, ring, changes))
    }

    /// An image from which a card can be made.
    fn read(&mut self, file: &Path, problems: &mut Problems) -> Option<CardImage> {
        let image =
            self.project.load_file::<CardImage>(Fixture::Card, file).map_err(|wrong| problems.add(&wrong)).ok()?;
        let (_, ring) = self.keys(problems);
        match taprig_card::personalise(&image, ring, &[]) {
            Ok(_) => Some(image),
            Err(wrong) => {
                problems.push(Diagnostic::of_file(file, wrong.to_string()));
                None
            }
        }
    }

    fn keys(&mut self, problems: &mut Problems) -> &(Arc<KeyFiles>, KeyRing) {
        let project = &self.project;
        self.keys.get_or_insert_with(|| {
            let (mut files, mut ring) = (KeyFiles::new(), KeyRing::default());
            for name in project.names(Fixture::Key) {
                let at = |wrong: String| Diagnostic::of_file(&project.file(Fixture::Key, &name), wrong);
                let file = match project.load::<KeyFile>(Fixture::Key, &name) {
                    Ok(file) => file,
                    Err(wrong) => {
                        problems.add(&wrong);
                        continue;
                    }
                };
                let word = match name.parse::<Name>() {
                    Ok(word) => word,
                    Err(wrong) => {
                        problems.push(at(wrong.to_string()));
                        continue;
                    }
                };
                if let Err(wrong) = ring.insert(word.clone(), &file) {
                    problems.push(at(wrong.to_string()));
                }
                files.insert(word, file);
            }
            (Arc::new(files), ring)
        })
    }
}
