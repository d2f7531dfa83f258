//go:build !race

package notify_test

// fewer is 1: the tests that play long times play all their worlds.
const fewer = 1
