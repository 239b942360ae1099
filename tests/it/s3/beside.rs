//! What lies in a bucket beside the cache: objects of others, versions, unfinished uploads, rules.

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, StorageClass,
};
use serde_json::{Value, json};

use super::json as run;
use crate::support::command::Sandbox;
use crate::support::s3::{S3Server, Service, on_both_services};

on_both_services!(every_object_that_is_none_of_the_caches_own_is_unknown);

fn blob(content: &str) -> String {
    cachelens::format::digest::Digest::of(content.as_bytes()).to_string()
}

fn du(sandbox: &Sandbox, server: &S3Server, place: &str) -> Value {
    run(sandbox, &["du", &server.source(place), "--json"])["sources"][0].clone()
}

fn every_object_that_is_none_of_the_caches_own_is_unknown(service: Service) {
    let (server, sandbox) = (S3Server::start(service), Sandbox::new());
    server.make("b");
    let mut objects = vec![
        (format!("p/blobs/{}", blob("x")), b"x".to_vec()),
        ("p/manifests/main".to_owned(), b"{}".to_vec()),
        ("p/manifests/feature/x".to_owned(), b"{}".to_vec()),
        ("p/.cachelens/lease.json".to_owned(), b"mine".to_vec()),
        ("elsewhere/x".to_owned(), b"not here".to_vec()),
        ("p2/x".to_owned(), b"nor here".to_vec()),
    ];
    let others = [
        "p/a", "p/blobs/notes.txt", "p/blobs/zzz", "p/blobs", "p/manifests.bak", "p/zzz", "p/a b+c%41é",
        "p/deep/er/and/deeper/than/folders/are/followed/x",
    ];
    objects.extend(others.map(|key| (key.to_owned(), b"12345".to_vec())));
    // More than a page of them, in folders and in none.
    let many = (0..1_100_u32).flat_map(|number| {
        [format!("p/many/{}/{number:04}", number % 7), format!("p/flat/{number:04}")]
    });
    objects.extend(many.map(|key| (key, b"1".to_vec())));
    if service == Service::S3sFs {
        // A file system has no object that is a folder, too.
        objects.retain(|(key, _)| key != "p/blobs");
    }
    let expected = objects.iter().filter(|(key, _)| {
        let is_own = key.starts_with("p/.cachelens/") || key.starts_with("p/manifests/") || key.contains("sha256:");
        key.starts_with("p/") && !is_own
    });
    let (count, bytes) = expected.fold((0, 0), |(count, sum), (_, content)| (count + 1, sum + content.len()));
    server.put_all("b", objects);
    let du = du(&sandbox, &server, "b/p");
    assert_eq!(du["unknown"], json!({ "objects": count, "bytes": bytes }));
    assert_eq!(du["orphan"], json!({ "blobs": 1, "bytes": 1 }));
    assert_eq!(du["trash"], json!({ "objects": 1, "bytes": 4 }));
    assert_eq!(du["refs"], 2);
}

#[test]
fn folders_of_a_console_are_no_refs() {
    // `s3s-fs` keeps objects as files, and has none whose key ends with a slash.
    let (server, sandbox) = (S3Server::start(Service::Moto), Sandbox::new());
    server.make("b");
    server.put_all(
        "b",
        ["p/", "p/manifests/", "p/blobs/", "p/manifests/feature/"].map(|key| (key.to_owned(), Vec::new())),
    );
    server.put("b", "p/manifests/feature/x", b"{}");
    server.put("b", &format!("p/blobs/{}", blob("x")), b"x");
    let du = du(&sandbox, &server, "b/p/");
    assert_eq!(du["refs"], 1);
    assert_eq!(du["orphan"], json!({ "blobs": 1, "bytes": 1 }));
    assert_eq!(du["unknown"], json!({ "objects": 4, "bytes": 0 }));
}

#[test]
fn keys_that_xml_cannot_hold_are_read_all_the_same() {
    let (server, sandbox) = (S3Server::start(Service::Moto), Sandbox::new());
    server.make("b");
    server.put("b", &format!("p/blobs/{}", blob("x")), b"x");
    for key in ["p/manifests/\u{1}\u{1b}[31m", "p/manifests/a+b c%2F&<>\"'", "p/manifests/é\n"] {
        server.put("b", key, b"{}");
    }
    let listed = run(&sandbox, &["ls", &server.source("b/p/"), "--json"]);
    let names = listed["sources"][0]["refs"].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["\u{1}\u{1b}[31m", "a+b c%2F&<>\"'", "é\n"]);
}

#[test]
fn uploads_versions_and_classes_are_counted() {
    let (server, sandbox) = (S3Server::start(Service::Moto), Sandbox::new());
    server.make("b");
    server.keep_versions("b");
    let (client, bucket) = (server.client(), server.bucket("b"));
    for content in ["{}", "{ }", "{  }"] {
        server.put("b", "p/manifests/main", content.as_bytes());
    }
    server.put("b", &format!("p/blobs/{}", blob("gone")), b"gone");
    server.remove("b", &format!("p/blobs/{}", blob("gone")));
    server.block_on(async {
        let put = client.put_object().bucket(&bucket).key(format!("p/blobs/{}", blob("rare"))).body(b"rare".to_vec().into());
        put.storage_class(StorageClass::StandardIa).send().await.unwrap();
        let upload = client.create_multipart_upload().bucket(&bucket).key(format!("p/blobs/{}", blob("half")));
        upload.send().await.unwrap();
    });
    server.put("b", &format!("p/blobs/{}", blob("x")), b"x");
    let told = du(&sandbox, &server, "b/p/");
    assert_eq!(told["partial"], json!({ "objects": 1, "bytes": 0 }));
    let of_bucket = &told["bucket"];
    assert_eq!(of_bucket["versioning"], "on");
    // Two earlier manifests, and what the marker hides.
    assert_eq!(of_bucket["noncurrent"], json!({ "objects": 3, "bytes": 9 }));
    assert_eq!(of_bucket["delete_markers"], 1);
    assert_eq!(
        of_bucket["storage_classes"],
        json!([{ "class": "STANDARD_IA", "objects": 1, "bytes": 4 }, { "class": "STANDARD", "objects": 1, "bytes": 1 }])
    );
    let text = S3Server::run(&sandbox, &["du", &server.source("b/p/")]).stdout;
    let text = text.replace(&server.bucket("b"), "b").replace(&server.address().to_string(), "ADDRESS");
    insta::assert_snapshot!(text, @"");
}

#[test]
fn rules_that_break_a_cache_are_told_and_mended() {
    let (server, sandbox) = (S3Server::start(Service::Moto), Sandbox::new());
    server.make("b");
    server.put("b", "p/manifests/main", b"{}");
    server.put("b", &format!("p/blobs/{}", blob("x")), b"x");
    let (client, bucket) = (server.client(), server.bucket("b"));
    let rule = |id: &str, prefix: &str, days| {
        LifecycleRule::builder()
            .id(id)
            .status(ExpirationStatus::Enabled)
            .filter(LifecycleRuleFilter::builder().prefix(prefix).build())
            .expiration(LifecycleExpiration::builder().days(days).build())
            .abort_incomplete_multipart_upload(AbortIncompleteMultipartUpload::builder().days_after_initiation(3).build())
            .build()
            .unwrap()
    };
    let put = |rules: Vec<LifecycleRule>| {
        let rules = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build().unwrap();
        let put = client.put_bucket_lifecycle_configuration().bucket(&bucket).lifecycle_configuration(rules);
        server.block_on(put.send()).unwrap();
    };
    put(vec![rule("thirty days", "", 30), rule("logs", "logs/", 3)]);
    let told = du(&sandbox, &server, "b/p/");
    let lifecycle = &told["bucket"]["lifecycle"];
    assert_eq!(lifecycle["findings"][0]["code"], "lifecycle-expires-blobs");
    assert_eq!(lifecycle["findings"][0]["severity"], "error");
    let text = S3Server::run(&sandbox, &["du", &server.source("b/p/")]).stdout;
    let text = text.replace(&server.bucket("b"), "b").replace(&server.address().to_string(), "ADDRESS");
    insta::assert_snapshot!(text, @"");
    insta::assert_snapshot!(serde_json::to_string_pretty(&lifecycle["safe"]).unwrap(), @"");

    // Put as they are told, the mended rules are sound.
    let mended = lifecycle["safe"]["Rules"].as_array().unwrap().iter().map(|rule| {
        let days = |of: &Value| i32::try_from(of.as_i64().unwrap()).unwrap();
        let mut made = LifecycleRule::builder()
            .id(rule["ID"].as_str().unwrap())
            .status(rule["Status"].as_str().unwrap().into())
            .filter(LifecycleRuleFilter::builder().prefix(rule["Filter"]["Prefix"].as_str().unwrap()).build());
        if let Some(expiration) = rule.get("Expiration") {
            made = made.expiration(LifecycleExpiration::builder().days(days(&expiration["Days"])).build());
        }
        if let Some(abort) = rule.get("AbortIncompleteMultipartUpload") {
            let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(days(&abort["DaysAfterInitiation"]));
            made = made.abort_incomplete_multipart_upload(abort.build());
        }
        made.build().unwrap()
    });
    put(mended.collect());
    let told = du(&sandbox, &server, "b/p/");
    assert_eq!(told["bucket"]["lifecycle"]["findings"], json!([]));
    assert_eq!(told["bucket"]["lifecycle"]["safe"], Value::Null);
}
