//! Expressions and conditions of Groovy.

use super::Repository;

#[test]
fn a_reference_that_begins_with_a_groovy_variable_has_the_line_of_its_use() {
    let repository = Repository::new().with(
        "Jenkinsfile",
        "def registry = 'registry.example.com'
stage('Images') {
  sh \"docker build --cache-from ${registry}/bare:cache .\"
  sh 'docker buildx build ' +
     \"--cache-from type=registry,ref=${registry}/plus:cache \" +
     '--cache-to type=inline .'
  def image = docker.build(\"app\",
    \"--cache-from ${registry}/app:latest .\")
}
",
    );
    insta::assert_snapshot!(repository.declared(), @"
    Jenkinsfile:3 import type=registry,ref=registry.example.com/bare:cache by docker build for Images
    Jenkinsfile:5 import type=registry,ref=registry.example.com/plus:cache by docker buildx for Images
    Jenkinsfile:6 export type=inline by docker buildx for Images
    Jenkinsfile:8 import type=registry,ref=registry.example.com/app:latest by docker build for Images
    ");
}

#[test]
fn conditions_of_groovy_are_in_the_note() {
    let repository = Repository::new().with(
        "Jenkinsfile",
        "stage('Images') {
  def flags = ['--cache-from', 'type=gha,scope=list']
  if (env.BRANCH_NAME == 'main') {
    sh 'docker build --cache-from type=gha,scope=main .'
    flags += ['--cache-to', 'type=gha,scope=list,mode=max']
  } else {
    sh 'docker build --cache-from type=gha,scope=other .'
  }
  sh \"docker buildx build ${flags.join(' ')} .\"
}
",
    );
    insta::assert_snapshot!(repository.declared(), @"
    Jenkinsfile:2 import type=gha,scope=list by docker buildx for Images
    Jenkinsfile:4 import type=gha,scope=main by docker build for Images # if env.BRANCH_NAME == 'main'
    Jenkinsfile:5 export type=gha,scope=list,mode=max by docker buildx for Images # if env.BRANCH_NAME == 'main'
    Jenkinsfile:7 import type=gha,scope=other by docker build for Images # if not env.BRANCH_NAME == 'main'
    ");
}

#[test]
fn defaults_and_choices_of_groovy_are_evaluated() {
    let repository = Repository::new().with(
        "Jenkinsfile",
        "parameters {
  choice(
    name: 'MODE', choices: ['max', 'min'])
}
def tag = env.TAG ?: 'latest'
def scope = params.NIGHTLY ? 'nightly' : 'daily'
stage('Images') {
  sh \"docker build --cache-from acme/app:${tag} .\"
  sh \"docker build --cache-from acme/app:${env.OTHER ?: 'other'} .\"
  sh \"docker build --cache-to type=gha,scope=${scope},mode=${params.MODE} .\"
}
",
    );
    insta::assert_snapshot!(repository.declared(), @"
    Jenkinsfile:8 import type=registry,ref=acme/app:latest by docker build for Images
    Jenkinsfile:9 import type=registry,ref=acme/app:other by docker build for Images
    Jenkinsfile:10 export type=gha,scope=nightly,mode=max by docker build for Images # if params.NIGHTLY
    Jenkinsfile:10 export type=gha,scope=daily,mode=max by docker build for Images # if not params.NIGHTLY
    ");
}
