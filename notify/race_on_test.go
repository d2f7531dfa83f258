//go:build race

package notify_test

// fewer is 6: the tests that play long times play a sixth of their worlds. The race detector makes them six times
// slower, and looks at the same few goroutines in each.
const fewer = 6
