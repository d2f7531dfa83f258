package audit

import (
	"bytes"
	"math"
	"testing"
	"time"
)

func BenchmarkAppendAndSign(b *testing.B) {
	l := newLog(b, 1)
	event, stamp := scanEvent(1), l.stamp()
	b.ReportAllocs()
	for b.Loop() {
		_, next, err := l.head.Append(event, stamp)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := l.key.Sign(next); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkVerify reads a log of 100,000 entries from a file in memory. It fails if not even the
// fastest reading takes 200,000 entries per second; others may use the machine meanwhile.
func BenchmarkVerify(b *testing.B) {
	const entries = 100_000
	l := newLog(b, 1)
	for range entries - 2 {
		l.addQuickly(b)
	}
	l.grow(b)
	file, log := l.file(), l.log()
	b.ReportAllocs()
	b.SetBytes(int64(len(file)))
	fastest := time.Duration(math.MaxInt64)
	for b.Loop() {
		began := time.Now()
		log.Lines = ReadLines(bytes.NewReader(file))
		if _, err := Verify(b.Context(), log, Trust{Key: l.key.Public()}); err != nil {
			b.Fatal(err)
		}
		fastest = min(fastest, time.Since(began))
	}
	b.ReportMetric(entries*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	if speed := entries / fastest.Seconds(); speed < 200_000 {
		b.Errorf("%.0f entries a second, 200,000 are wanted", speed)
	}
}

func BenchmarkParseEntry(b *testing.B) {
	l := newLog(b, 2)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseEntry(l.lines[1]); err != nil {
			b.Fatal(err)
		}
	}
}
