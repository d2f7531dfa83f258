//go:build !race

package audit

// everyNth is 1: TestEveryByte tries all 255 other values of a byte.
const everyNth = 1
