//! Opening a bucket: the origin of the keys, and the messages if there are none.

use std::fmt::Write as _;
use std::io::BufReader;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::thread;

use aws_sdk_s3::types::ObjectCannedAcl;
use serde_json::json;

use crate::support::command::{Run, Sandbox};
use crate::support::http::{Answer, Request};
use crate::support::s3::{KEY, S3Server, SECRET, Service};

/// Serves the answers of `answer` until the tests end.
fn serve(answer: impl Fn(&Request) -> Option<Answer> + Send + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            thread::spawn(move || {
                let mut reader = BufReader::new(&stream);
                while let Some(request) = Request::read(&mut reader) {
                    // Requests without an answer hang.
                    let Some(answer) = answer(&request) else {
                        return thread::park();
                    };
                    if answer.write(&request, &stream).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn role() -> serde_json::Value {
    json!({
        "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z", "Expiration": "2100-01-01T00:00:00Z",
        "AccessKeyId": KEY, "SecretAccessKey": SECRET, "Token": "token",
    })
}

/// Runs `ls` with only the environment that `set` adds.
fn ls(sandbox: &Sandbox, source: &str, set: impl FnOnce(&mut Command)) -> Run {
    let mut command = sandbox.command();
    command
        .args(["ls", source])
        .env("AWS_EC2_METADATA_DISABLED", "true");
    set(&mut command);
    Run::new(command.output().unwrap())
}

#[test]
fn credentials_are_found_where_aws_tools_look() {
    let (server, bucket) = S3Server::with(Service::S3sFs, "mini");
    let (sandbox, source) = (Sandbox::new(), server.source(&format!("{bucket}/team-a/")));
    let keys = format!("aws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n");
    std::fs::create_dir(sandbox.path(".aws")).unwrap();
    let said = json!({ "Version": 1, "AccessKeyId": KEY, "SecretAccessKey": SECRET }).to_string();
    std::fs::write(sandbox.path("keys.json"), said).unwrap();
    std::fs::write(
        sandbox.path(".aws/config"),
        "[profile other]\nregion = us-east-1\n[profile process]\ncredential_process = cat keys.json\n",
    )
    .unwrap();
    std::fs::write(sandbox.path(".aws/credentials"), format!("[other]\n{keys}")).unwrap();
    let container = serve(|request| {
        (request.path == "/role")
            .then(|| Answer::json(200, &role()))
            .or_else(|| Some(Answer::empty(404)))
    });
    let machine = serve(|request| {
        Some(match (request.method.as_str(), request.path.as_str()) {
            ("PUT", "/latest/api/token") => Answer {
                body: b"t".to_vec(),
                ..Answer::empty(200)
            }
            .with("x-aws-ec2-metadata-token-ttl-seconds", 21600),
            ("GET", path)
                if path.ends_with("/security-credentials/")
                    || path.ends_with("/security-credentials-extended/") =>
            {
                Answer {
                    body: b"reader".to_vec(),
                    ..Answer::empty(200)
                }
            }
            ("GET", path) if path.ends_with("/reader") => Answer::json(200, &role()),
            _ => Answer::empty(404),
        })
    });
    let expected = S3Server::run(&sandbox, format!("ls {source}"));
    assert_eq!(expected.code, Some(0), "{expected}");
    let of_profile = ls(&sandbox, &source, |command| {
        command.env("AWS_PROFILE", "other");
    });
    assert_eq!(of_profile, expected);
    let of_process = ls(&sandbox, &source, |command| {
        command.env("AWS_PROFILE", "process");
    });
    assert_eq!(of_process, expected);
    let of_container = ls(&sandbox, &source, |command| {
        command.env(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            format!("http://{container}/role"),
        );
    });
    assert_eq!(of_container, expected);
    let of_machine = ls(&sandbox, &source, |command| {
        command.env_remove("AWS_EC2_METADATA_DISABLED");
        command.env(
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            format!("http://{machine}"),
        );
    });
    assert_eq!(of_machine, expected);
    let of_source = format!("{source}&access_key_id={KEY}&secret_access_key={SECRET}");
    assert_eq!(ls(&sandbox, &of_source, |_| ()), expected);
}

#[test]
fn without_credentials_each_place_reports_what_it_lacks() {
    let (server, sandbox) = (S3Server::start(Service::S3sFs), Sandbox::new());
    server.make("there");
    let source = server.source("there");
    insta::assert_snapshot!(ls(&sandbox, &source, |_| ()), @"
    error: there are no credentials for the bucket there
      because: AWS_ACCESS_KEY_ID is not set
      because: the profile `default` has no keys in ~/.aws/config or ~/.aws/credentials
      because: AWS_WEB_IDENTITY_TOKEN_FILE is not set
      because: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set
      because: AWS_EC2_METADATA_DISABLED is set
      hint: set the environment, `aws configure` or `aws sso login`, or add access_key_id=…,secret_access_key=… to the source; --no-sign-request opens a public bucket
    exit 1
    ");
    let silent = serve(|_| None);
    insta::assert_snapshot!(ls(&sandbox, &source, |command| {
        command.env_remove("AWS_EC2_METADATA_DISABLED").env("AWS_PROFILE", "typo").env("AWS_ACCESS_KEY_ID", KEY);
        command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("http://{silent}"));
    }), @"
    error: there are no credentials for the bucket there
      because: AWS_SECRET_ACCESS_KEY is not set
      because: the profile `typo` has no keys in ~/.aws/config or ~/.aws/credentials
      because: AWS_WEB_IDENTITY_TOKEN_FILE is not set
      because: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set
      because: no metadata service gives this machine a role
      hint: set the environment, `aws configure` or `aws sso login`, or add access_key_id=…,secret_access_key=… to the source; --no-sign-request opens a public bucket
    exit 1
    ");
    std::fs::create_dir(sandbox.path(".aws")).unwrap();
    std::fs::write(
        sandbox.path(".aws/config"),
        "[default]\ncredential_process = false\n",
    )
    .unwrap();
    insta::assert_snapshot!(ls(&sandbox, &source, |_| ()), @"
    error: there are no credentials for the bucket there
      because: AWS_ACCESS_KEY_ID is not set
      because: the profile `default` fails: an error occurred while loading credentials: Error retrieving credentials: external process exited with code exit status: 1. Stderr: 
      hint: correct the profile, choose another with AWS_PROFILE, or log in again: `aws sso login`
    exit 1
    ");
}

#[test]
fn a_public_bucket_needs_no_keys() {
    let (server, bucket) = S3Server::with(Service::Moto, "mini");
    let (sandbox, source) = (Sandbox::new(), server.source(&format!("{bucket}/team-a/")));
    for name in server.names(&bucket, "team-a/manifests/") {
        let key = format!("team-a/manifests/{name}");
        let open = server
            .client()
            .put_object_acl()
            .bucket(server.bucket(&bucket))
            .key(key);
        server
            .block_on(open.acl(ObjectCannedAcl::PublicRead).send())
            .unwrap();
    }
    let expected = S3Server::run(&sandbox, format!("ls {source}"));
    assert_eq!(expected.code, Some(0), "{expected}");
    let unsigned = ls(&sandbox, &source, |command| {
        command.arg("--no-sign-request");
    });
    assert_eq!(unsigned, expected);
    assert_eq!(
        ls(&sandbox, &format!("{source}&no_sign_request=true"), |_| ()),
        expected
    );
}

#[test]
fn unusual_prefixes_and_keys_are_warnings() {
    let (server, sandbox) = (S3Server::start(Service::S3sFs), Sandbox::new());
    server.make("strange");
    server.put("strange", "webmanifests/main", b"{}");
    let source = server.source("strange");
    let run = S3Server::run(
        &sandbox,
        format!("ls {source}&prefix=web&blobs_prefix=b&access_key_id=half"),
    );
    insta::assert_snapshot!(run, @"
    REF   KIND   AGE  SIZE  ONLY HERE  LAYERS  RESULTS  KEYS ONLY
    main  cache  now   0 B        0 B       0        0          0
    warning: `prefix` does not end with a slash: keys begin with `webmanifests/`, as BuildKit has it, too
    warning: `blobs_prefix` does not end with a slash: keys begin with `webbsha256:…`, as BuildKit has it, too
    warning: access_key_id and secret_access_key count only together; BuildKit looks for credentials elsewhere, too
    exit 0
    ");
}

#[test]
fn refusals_of_a_service_have_a_hint() {
    let xml = |status: u16, code: &str, more: &str| {
        let body =
            format!("<Error><Code>{code}</Code><Message>no</Message>{more}</Error>").into_bytes();
        Answer {
            status,
            headers: vec![("content-type".to_owned(), "application/xml".to_owned())],
            body,
        }
    };
    let answers = [
        xml(301, "PermanentRedirect", "").with("x-amz-bucket-region", "eu-central-1"),
        xml(
            400,
            "AuthorizationHeaderMalformed",
            "<Region>ap-south-1</Region>",
        ),
        xml(403, "RequestTimeTooSkewed", ""),
        xml(403, "InvalidAccessKeyId", ""),
        xml(403, "SignatureDoesNotMatch", ""),
        xml(404, "NoSuchBucket", ""),
        xml(403, "AccessDenied", ""),
    ];
    let mut report = String::new();
    for answer in answers {
        let (status, body) = (
            answer.status,
            String::from_utf8(answer.body.clone()).unwrap(),
        );
        let code = body
            .split("</Code>")
            .next()
            .unwrap()
            .replace("<Error><Code>", "");
        let service = serve(move |_| {
            Some(Answer {
                headers: answer.headers.clone(),
                body: answer.body.clone(),
                ..answer
            })
        });
        let source =
            format!("s3://b/p/?region=us-east-1&use_path_style=true&endpoint_url=http://{service}");
        let run = S3Server::run(&Sandbox::new(), format!("ls {source}"))
            .to_string()
            .replace(&service.to_string(), "HERE");
        writeln!(report, "{status} {code}\n{run}").unwrap();
    }
    insta::assert_snapshot!(report, @r"
    301 PermanentRedirect
    error: cannot list the bucket b at http://HERE
      because: PermanentRedirect: no
      hint: the bucket is in eu-central-1: add region=eu-central-1
    exit 1
    400 AuthorizationHeaderMalformed
    error: cannot list the bucket b at http://HERE
      because: AuthorizationHeaderMalformed: no
      hint: the bucket is in ap-south-1: add region=ap-south-1
    exit 1
    403 RequestTimeTooSkewed
    error: cannot list the bucket b at http://HERE
      because: RequestTimeTooSkewed: no
      hint: set this machine's clock
    exit 1
    403 InvalidAccessKeyId
    error: cannot list the bucket b at http://HERE
      because: InvalidAccessKeyId: no
      hint: the credentials are wrong or have expired
    exit 1
    403 SignatureDoesNotMatch
    error: cannot list the bucket b at http://HERE
      because: SignatureDoesNotMatch: no
      hint: the credentials are wrong or have expired
    exit 1
    404 NoSuchBucket
    error: cannot list the bucket b at http://HERE
      because: NoSuchBucket: no
      hint: check the bucket's name, and `endpoint_url`
    exit 1
    403 AccessDenied
    error: cannot list the bucket b at http://HERE
      because: AccessDenied: no
      hint: listing needs s3:ListBucket on the bucket
    exit 1
    ");
}

#[test]
fn an_html_page_instead_of_xml_is_reported_as_such() {
    let portal = serve(|_| Some(Answer::html(200)));
    let sandbox = Sandbox::new();
    let source =
        format!("s3://b/p/?region=us-east-1&use_path_style=true&endpoint_url=http://{portal}");
    let run = S3Server::run(&sandbox, format!("ls {source}"))
        .to_string()
        .replace(&portal.to_string(), "PORTAL");
    insta::assert_snapshot!(run, @r"
    error: cannot list the bucket b at http://PORTAL
      because: it answered with status 200 and text/html, not with XML
      hint: the answer is not one of S3: check `endpoint_url`
    exit 1
    ");
}
