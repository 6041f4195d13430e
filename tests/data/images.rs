//! Images: CIFAR's binary files and idx, in every packing, real and made up, whole and broken.

use crate::files::{gzip, load, refused, tar, tgz, write};
use std::path::Path;
use veilgrad::dataset::{Dataset, Features, Image};

/// `records` records of CIFAR: byte j of record i is (7 i + j) mod 251, labels count up.
fn cifar(records: usize, classes: usize) -> Vec<u8> {
    let labels = |i: usize| if classes == 100 { vec![1, (i % 100) as u8] } else { vec![(i % 10) as u8] };
    (0..records)
        .flat_map(|i| labels(i).into_iter().chain((0..3072).map(move |j| ((7 * i + j) % 251) as u8)))
        .collect()
}

/// An idx file of bytes.
fn idx(sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let header = [0, 0, 8, sizes.len() as u8].into_iter().chain(sizes.iter().flat_map(|s| s.to_be_bytes()));
    header.chain(bytes.iter().copied()).collect()
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|i| (i % 251) as u8).collect()
}

#[track_caller]
fn assert_image(data: &Dataset, records: usize, image: (usize, usize, usize), classes: usize) {
    let (height, width, channels) = image;
    assert_eq!(data.image, Some(Image { height, width, channels }), "{}", data.kind);
    assert_eq!((data.records(), data.classes), (records, classes), "{}", data.kind);
    assert!(matches!(data.features, Features::Bytes { .. }), "{}", data.kind);
    assert_eq!(data.width(), height * width * channels);
}

#[test]
fn cifar_comes_from_archives_directories_and_single_files() {
    let (train, test) = (cifar(200, 100), cifar(100, 100));
    let names: String = (0..100).map(|i| format!("class{i}\n")).collect();
    let members: [(&str, &[u8]); 3] = [
        ("cifar-100-binary/train.bin", &train),
        ("cifar-100-binary/test.bin", &test),
        ("cifar-100-binary/fine_label_names.txt", names.as_bytes()),
    ];
    for archive in [tar(&members), tgz(&members)] {
        let data = write(&[("c.tar.gz", &archive)], |dir| load(&dir.join("c.tar.gz"))).expect("an archive");
        assert_image(&data, 300, (32, 32, 3), 100);
        assert_eq!(data.class_names[7], "class7");
        assert_eq!(data.labels[..3], [0, 1, 2]);
        assert_eq!(data.row(201)[..3], [7.0, 8.0, 9.0], "test records after training records");
        for part in
            ["CIFAR-100 (binary)", "train.bin (200), test.bin (100)", "joined", "32×32 pixels, 3 channels"]
        {
            assert!(data.kind.contains(part), "{part}: {}", data.kind);
        }
    }
    let flat: [(&str, &[u8]); 2] = [("train.bin", &train), ("test.bin", &test)];
    assert_image(&write(&flat, load).expect("a directory"), 300, (32, 32, 3), 100);
    let data = write(&flat, |dir| load(&dir.join("test.bin"))).expect("one file");
    assert_image(&data, 100, (32, 32, 3), 100);

    let batch = cifar(20, 10);
    let mut files: Vec<(String, &[u8])> =
        (1..=5).map(|n| (format!("data_batch_{n}.bin"), &batch[..])).collect();
    files.push(("test_batch.bin".into(), &batch));
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    assert_image(&write(&files, load).expect("CIFAR-10"), 120, (32, 32, 3), 10);
    let error = write(&files[..3], refused).to_string();
    assert!(error.contains("CIFAR-10's files") && error.contains("test_batch.bin"), "{error}");
}

#[test]
fn broken_cifar_files_are_refused() {
    let message =
        |bytes: &[u8]| write(&[("test.bin", bytes)], |dir| refused(&dir.join("test.bin"))).to_string();
    let whole = cifar(100, 100);
    let cut = message(&whole[..whole.len() - 9]);
    assert!(
        cut.contains("records of 3074 bytes each, found 307391 bytes") && cut.contains("truncated"),
        "{cut}"
    );
    let mut labels = whole.clone();
    labels[3074 * 3 + 1] = 200;
    let outside = message(&labels);
    assert!(outside.contains("record 3") && outside.contains("from 0 to 99, found 200"), "{outside}");
    let few = message(&cifar(40, 100));
    assert!(few.contains("every class from 0 to 99"), "{few}");
    let packed = tgz(&[("train.bin", &whole), ("test.bin", &whole[..5000])]);
    let error = write(&[("c.tgz", &packed)], |dir| refused(&dir.join("c.tgz"))).to_string();
    assert!(error.contains("c.tgz[test.bin]") && error.contains("5000 bytes"), "{error}");
}

#[test]
fn idx_comes_compressed_or_not_as_a_directory_or_a_file() {
    let (images, labels) = (idx(&[6, 3, 5], &bytes(90)), idx(&[6], &[0, 1, 2, 0, 1, 2]));
    let (more, others) = (idx(&[4, 3, 5], &bytes(60)), idx(&[4], &[2, 1, 0, 0]));
    let (packed, packed_labels) = (gzip(&images), gzip(&labels));
    let directory: [(&str, &[u8]); 4] = [
        ("train-images-idx3-ubyte.gz", &packed),
        ("train-labels-idx1-ubyte.gz", &packed_labels),
        ("t10k-images.idx3-ubyte", &more),
        ("t10k-labels.idx1-ubyte", &others),
    ];
    let data = write(&directory, load).expect("a directory");
    assert_image(&data, 10, (3, 5, 1), 3);
    assert_eq!(data.labels, [0, 1, 2, 0, 1, 2, 2, 1, 0, 0]);
    assert_eq!(data.row(1)[..2], [15.0, 16.0], "rows of 15 bytes take 16");
    assert!(data.kind.contains("(6), t10k-images.idx3-ubyte (4), joined"), "{}", data.kind);
    let data = write(&directory, |dir| load(&dir.join("train-images-idx3-ubyte.gz"))).expect("a file");
    assert_image(&data, 6, (3, 5, 1), 3);
}

#[test]
fn broken_idx_files_are_refused() {
    let (images, labels) = (idx(&[6, 3, 5], &bytes(90)), idx(&[6], &[0, 1, 2, 0, 1, 2]));
    let both = |images: &[u8], labels: &[u8]| {
        let files = [("a-images-idx3-ubyte", images), ("a-labels-idx1-ubyte", labels)];
        write(&files, |dir| refused(&dir.join("a-images-idx3-ubyte"))).to_string()
    };
    let says = |message: String, parts: &[&str]| {
        parts.iter().for_each(|part| assert!(message.contains(part), "{part}: {message}"));
    };
    says(both(&images[..11], &labels), &["header of 16 bytes", "found 11 bytes", "truncated"]);
    says(both(&images[..100], &labels), &["106 bytes", "found 100"]);
    says(both(&gzip(&images[..100]), &labels), &["whole records of 15 bytes", "truncated"]);
    says(both(&gzip(&images[..91]), &labels), &["6 records", "found 5", "truncated"]);
    says(both(&gzip(&[&images[..], &[0]].concat()), &labels), &["as many records", "more"]);
    says(both(&images, &labels[..13]), &["a-labels", "14 bytes", "found 13"]);
    says(both(&images, &idx(&[5], &[0, 1, 2, 0, 1])), &["6 labels", "found 5"]);
    says(both(&images, &images), &["labels (0x00000801)", "0x00000803"]);
    says(both(&idx(&[0, 3, 5], &[]), &labels), &["[0, 3, 5]"]);
    says(both(&idx(&[u32::MAX; 3], &[]), &labels), &["once decompressed", "--max-bytes"]);
    let alone = write(&[("train-images-idx3-ubyte", &images)], refused);
    says(alone.to_string(), &["train-labels-idx1-ubyte", "no such file"]);
    let wrong = write(&[("digits", &labels)], |dir| refused(&dir.join("digits")));
    says(wrong.to_string(), &["images, called as train-images-idx3-ubyte"]);
}

#[test]
fn cifar_100_as_published() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/cifar-100-binary.tar.gz");
    if !path.exists() {
        eprintln!("not tested: {} is absent", path.display());
        return;
    }
    let data = load(&path).expect("loaded");
    assert_image(&data, 60_000, (32, 32, 3), 100);
    assert_eq!(data.class_names[0], "apple");
    assert_eq!(data.labels.iter().filter(|label| **label == 99).count(), 600);
}

#[test]
fn fashion_mnist_as_debian_has_it() {
    let path = Path::new("/usr/share/datasets/fashion-mnist");
    if !path.exists() {
        eprintln!("not tested: {} is absent", path.display());
        return;
    }
    let data = load(path).expect("loaded");
    assert_image(&data, 70_000, (28, 28, 1), 10);
    assert_eq!((data.name.as_str(), data.labels[0]), ("fashion-mnist", 9));
    let standard = data.standardization(&(0..60_000).collect::<Vec<_>>()).expect("images");
    // The training images' mean and deviation as commonly quoted, 0.2860 and 0.3530 of 255.
    assert!((standard.shift[0] / 255.0 - 0.2860).abs() < 1e-4, "{:?}", standard.shift);
    assert!((1.0 / standard.scale[0] / 255.0 - 0.3530).abs() < 1e-4, "{:?}", standard.scale);
}
