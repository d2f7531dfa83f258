// Package verify holds the tests that need programs from outside: a real Prometheus, the clients that Adobe and Slack
// publish on npm, and the built binary in an empty file system. `make verify` fetches what they need and runs them;
// they carry the build tag "verify" so that `make test` needs Go alone. What is missing fails a test here and never
// skips it.
package verify
