//! Other content of a bucket: foreign objects, versions, unfinished uploads, rules.

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus,
    LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, StorageClass,
};
use serde_json::{Value, json};

use super::json as run;
use crate::support::command::Sandbox;
use crate::support::s3::{S3Server, Service, on_both_services};

on_both_services!(every_foreign_object_is_unknown);

fn blob(content: &str) -> String {
    cachelens::format::digest::Digest::of(content.as_bytes()).to_string()
}

fn du(sandbox: &Sandbox, server: &S3Server, place: &str) -> Value {
    run(sandbox, format!("du {} --json", server.source(place)))["sources"][0].clone()
}

fn every_foreign_object_is_unknown(service: Service) {
    let (server, sandbox) = (S3Server::start(service), Sandbox::new());
    server.make("bucket");
    let mut objects = vec![
        (format!("p/blobs/{}", blob("x")), b"x".to_vec()),
        ("p/manifests/main".to_owned(), b"{}".to_vec()),
        ("p/manifests/feature/x".to_owned(), b"{}".to_vec()),
        ("p/.cachelens/lease.json".to_owned(), b"mine".to_vec()),
        ("elsewhere/x".to_owned(), b"not here".to_vec()),
        ("p2/x".to_owned(), b"nor here".to_vec()),
    ];
    let others = [
        "p/a",
        "p/blobs/notes.txt",
        "p/blobs/zzz",
        "p/blobs",
        "p/manifests.bak",
        "p/zzz",
        "p/a b+c%41é",
        "p/deep/er/and/deeper/than/folders/are/followed/x",
    ];
    objects.extend(others.map(|key| (key.to_owned(), b"12345".to_vec())));
    // More than a page of them, in folders and outside.
    let many = (0..1_100_u32).flat_map(|number| {
        [
            format!("p/many/{}/{number:04}", number % 7),
            format!("p/flat/{number:04}"),
        ]
    });
    objects.extend(many.map(|key| (key, b"1".to_vec())));
    if service == Service::S3sFs {
        // A file system cannot have an object that is also a folder.
        objects.retain(|(key, _)| key != "p/blobs");
    }
    let expected = objects.iter().filter(|(key, _)| {
        let is_own = key.starts_with("p/.cachelens/")
            || key.starts_with("p/manifests/")
            || key.contains("sha256:");
        key.starts_with("p/") && !is_own
    });
    let (count, bytes) = expected.fold((0, 0), |(count, sum), (_, content)| {
        (count + 1, sum + content.len())
    });
    server.put_all("bucket", objects);
    let du = du(&sandbox, &server, "bucket/p");
    assert_eq!(du["unknown"], json!({ "objects": count, "bytes": bytes }));
    assert_eq!(du["orphan"], json!({ "blobs": 1, "bytes": 1 }));
    assert_eq!(du["trash"], json!({ "objects": 1, "bytes": 4 }));
    assert_eq!(du["refs"], 2);
}

#[test]
fn folders_of_a_console_are_no_refs() {
    // `s3s-fs` stores objects as files, and supports no keys that end with a slash.
    let (server, sandbox) = (S3Server::start(Service::Moto), Sandbox::new());
    server.make("bucket");
    server.put_all(
        "bucket",
        ["p/", "p/manifests/", "p/blobs/", "p/manifests/feature/"]
            .map(|key| (key.to_owned(), Vec::new())),
    );
    server.put("bucket", "p/manifests/feature/x", b"{}");
    server.put("bucket", &format!("p/blobs/{}", blob("x")), b"x");
    let du = du(&sandbox, &server, "bucket/p/");
    assert_eq!(du["refs"], 1);
    assert_eq!(du["orphan"], json!({ "blobs": 1, "bytes": 1 }));
    assert_eq!(du["unknown"], json!({ "objects": 4, "bytes": 0 }));
}

#[test]
fn keys_that_xml_cannot_represent_are_read() {
    let (server, sandbox) = (S3Server::start(Service::Moto), Sandbox::new());
    server.make("bucket");
    server.put("bucket", &format!("p/blobs/{}", blob("x")), b"x");
    for key in [
        "p/manifests/\u{1}\u{1b}[31m",
        "p/manifests/a+b c%2F&<>\"'",
        "p/manifests/é",
    ] {
        server.put("bucket", key, b"{}");
    }
    let listed = run(
        &sandbox,
        format!("ls {} --json", server.source("bucket/p/")),
    );
    let names = listed["sources"][0]["refs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["name"].as_str().unwrap());
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["\u{1}\u{1b}[31m", "a+b c%2F&<>\"'", "é"]
    );
}

#[test]
fn uploads_versions_and_classes_are_counted() {
    let (server, sandbox) = (S3Server::start(Service::Moto), Sandbox::new());
    server.make("bucket");
    server.keep_versions("bucket");
    let (client, bucket) = (server.client(), server.bucket("bucket"));
    for content in ["{}", "{ }", "{  }"] {
        server.put("bucket", "p/manifests/main", content.as_bytes());
    }
    server.put("bucket", &format!("p/blobs/{}", blob("gone")), b"gone");
    server.remove("bucket", &format!("p/blobs/{}", blob("gone")));
    server.block_on(async {
        let put = client
            .put_object()
            .bucket(&bucket)
            .key(format!("p/blobs/{}", blob("rare")))
            .body(b"rare".to_vec().into());
        put.storage_class(StorageClass::StandardIa)
            .send()
            .await
            .unwrap();
        let upload = client
            .create_multipart_upload()
            .bucket(&bucket)
            .key(format!("p/blobs/{}", blob("half")));
        upload.send().await.unwrap();
    });
    server.put("bucket", &format!("p/blobs/{}", blob("x")), b"x");
    let told = du(&sandbox, &server, "bucket/p/");
    assert_eq!(told["partial"], json!({ "objects": 1, "bytes": 0 }));
    let of_bucket = &told["bucket"];
    assert_eq!(of_bucket["versioning"], "on");
    // Two earlier manifests, and the object that the marker hides.
    assert_eq!(of_bucket["noncurrent"], json!({ "objects": 3, "bytes": 9 }));
    assert_eq!(of_bucket["delete_markers"], 1);
    assert_eq!(
        of_bucket["storage_classes"],
        json!([{ "class": "STANDARD_IA", "objects": 1, "bytes": 4 }, { "class": "STANDARD", "objects": 1, "bytes": 1 }])
    );
    let text = S3Server::run(&sandbox, format!("du {}", server.source("bucket/p/"))).stdout;
    let text = text
        .replace(&server.bucket("bucket"), "bucket")
        .replace(&server.address().to_string(), "ADDRESS");
    insta::assert_snapshot!(text, @r"
    s3://bucket/p/?region=us-east-1&endpoint_url=http://ADDRESS&use_path_style=true  1 ref
    STATE    OBJECTS  SIZE  SHARE
    live           0   0 B    0 %  reached from a ref
    orphan         2   5 B  100 %  reached from no ref
    partial        1   0 B    0 %  unfinished uploads
    total          3   5 B      –

    versions  3 earlier contents, 9 B; 1 delete marker; versioning is on
    classes  STANDARD_IA 4 B, STANDARD 1 B
    info  the bucket keeps versions, and no rule deletes them: deleted and overwritten objects are still billed
    info  no rule aborts unfinished uploads: data from interrupted exports is stored and billed forever
    ");
}

#[test]
fn lifecycle_rules_that_break_a_cache_are_reported_with_a_fix() {
    let (server, sandbox) = (S3Server::start(Service::Moto), Sandbox::new());
    server.make("bucket");
    server.put("bucket", "p/manifests/main", b"{}");
    server.put("bucket", &format!("p/blobs/{}", blob("x")), b"x");
    let (client, bucket) = (server.client(), server.bucket("bucket"));
    let rule = |id: &str, prefix: &str, days| {
        LifecycleRule::builder()
            .id(id)
            .status(ExpirationStatus::Enabled)
            .filter(LifecycleRuleFilter::builder().prefix(prefix).build())
            .expiration(LifecycleExpiration::builder().days(days).build())
            .abort_incomplete_multipart_upload(
                AbortIncompleteMultipartUpload::builder()
                    .days_after_initiation(3)
                    .build(),
            )
            .build()
            .unwrap()
    };
    let put = |rules: Vec<LifecycleRule>| {
        let rules = BucketLifecycleConfiguration::builder()
            .set_rules(Some(rules))
            .build()
            .unwrap();
        let put = client
            .put_bucket_lifecycle_configuration()
            .bucket(&bucket)
            .lifecycle_configuration(rules);
        server.block_on(put.send()).unwrap();
    };
    put(vec![rule("thirty days", "", 30), rule("logs", "logs/", 3)]);
    let told = du(&sandbox, &server, "bucket/p/");
    let lifecycle = &told["bucket"]["lifecycle"];
    assert_eq!(lifecycle["findings"][0]["code"], "lifecycle-expires-blobs");
    assert_eq!(lifecycle["findings"][0]["severity"], "error");
    let text = S3Server::run(&sandbox, format!("du {}", server.source("bucket/p/"))).stdout;
    let text = text
        .replace(&server.bucket("bucket"), "bucket")
        .replace(&server.address().to_string(), "ADDRESS");
    insta::assert_snapshot!(text, @r"
    s3://bucket/p/?region=us-east-1&endpoint_url=http://ADDRESS&use_path_style=true  1 ref
    STATE   OBJECTS  SIZE  SHARE
    live          0   0 B    0 %  reached from a ref
    orphan        1   1 B  100 %  reached from no ref
    total         1   1 B      –

    error  the rule `thirty days` deletes blobs after 30 days, and manifests after the same time; a blob may be 24 h older than the manifest that references it, so it expires first and builds that import fail
      hint: keep blobs for at least 32 days if manifests are kept for 30 days
      corrected rules, with those switched off that do harm: cachelens du 's3://bucket/p/?region=us-east-1&endpoint_url=http://ADDRESS&use_path_style=true' --json | jq '.sources[0].bucket.lifecycle.safe' > rules.json
      then: aws s3api put-bucket-lifecycle-configuration --bucket bucket --lifecycle-configuration file://rules.json
    ");
    insta::assert_snapshot!(serde_json::to_string_pretty(&lifecycle["safe"]).unwrap(), @r#"
    {
      "Rules": [
        {
          "AbortIncompleteMultipartUpload": {
            "DaysAfterInitiation": 3
          },
          "Expiration": {
            "Days": 30
          },
          "Filter": {
            "Prefix": ""
          },
          "ID": "thirty days",
          "Status": "Disabled"
        },
        {
          "AbortIncompleteMultipartUpload": {
            "DaysAfterInitiation": 3
          },
          "Expiration": {
            "Days": 3
          },
          "Filter": {
            "Prefix": "logs/"
          },
          "ID": "logs",
          "Status": "Enabled"
        },
        {
          "Expiration": {
            "Days": 30
          },
          "Filter": {
            "Prefix": "p/manifests/"
          },
          "ID": "cachelens p/manifests",
          "Status": "Enabled"
        },
        {
          "Expiration": {
            "Days": 32
          },
          "Filter": {
            "Prefix": "p/blobs/"
          },
          "ID": "cachelens p/blobs",
          "Status": "Enabled"
        },
        {
          "AbortIncompleteMultipartUpload": {
            "DaysAfterInitiation": 7
          },
          "Filter": {
            "Prefix": "p/"
          },
          "ID": "cachelens p/cache",
          "Status": "Enabled"
        }
      ]
    }
    "#);

    // Applied as printed, the corrected rules are sound.
    let fixed = lifecycle["safe"]["Rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| {
            let days = |of: &Value| i32::try_from(of.as_i64().unwrap()).unwrap();
            let mut made = LifecycleRule::builder()
                .id(rule["ID"].as_str().unwrap())
                .status(rule["Status"].as_str().unwrap().into())
                .filter(
                    LifecycleRuleFilter::builder()
                        .prefix(rule["Filter"]["Prefix"].as_str().unwrap())
                        .build(),
                );
            if let Some(expiration) = rule.get("Expiration") {
                made = made.expiration(
                    LifecycleExpiration::builder()
                        .days(days(&expiration["Days"]))
                        .build(),
                );
            }
            if let Some(abort) = rule.get("AbortIncompleteMultipartUpload") {
                let abort = AbortIncompleteMultipartUpload::builder()
                    .days_after_initiation(days(&abort["DaysAfterInitiation"]));
                made = made.abort_incomplete_multipart_upload(abort.build());
            }
            made.build().unwrap()
        });
    put(fixed.collect());
    let told = du(&sandbox, &server, "bucket/p/");
    assert_eq!(told["bucket"]["lifecycle"]["findings"], json!([]));
    assert_eq!(told["bucket"]["lifecycle"]["safe"], Value::Null);
}
