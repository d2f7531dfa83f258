package replay

import "math/rand/v2"

// sectorSize is what a disk writes whole or not at all.
const sectorSize = 512

// fate is what becomes of an operation that no sync has settled.
type fate int

const (
	kept fate = iota
	lost
	torn
)

// loss is what a power failure takes. The zero value takes nothing.
type loss struct {
	fates  map[int]fate // by the operation's place in the list
	random *rand.Rand   // for the sectors of torn writes
}

// drawLoss draws the fates of the operations at the given places. Defects hide from coins: with many operations, all
// of them are hardly ever lost, or all but one. So a draw first picks one of the patterns.
func drawLoss(random *rand.Rand, places []int) loss {
	l := loss{fates: make(map[int]fate, len(places)), random: random}
	pattern := patterns[random.IntN(len(patterns))]
	pattern(random, len(places), func(i int, f fate) { l.fates[places[i]] = f })
	return l
}

// tear writes some of the sectors that a write touches: its first ones, or any.
func (l loss) tear(content []byte, w Operation) []byte {
	end := w.Offset + int64(len(w.Data))
	first := w.Offset / sectorSize
	sectors := int((end+sectorSize-1)/sectorSize - first)
	inOrder, written := l.random.IntN(2) == 0, l.random.IntN(sectors+1)
	for i := range sectors {
		if inOrder && i >= written || !inOrder && l.random.IntN(2) == 0 {
			continue
		}
		from := max(w.Offset, (first+int64(i))*sectorSize)
		to := min(end, (first+int64(i)+1)*sectorSize)
		content = put(content, from, w.Data[from-w.Offset:to-w.Offset])
	}
	return content
}

// patterns set the fates of n operations, which are kept at first.
var patterns = []func(random *rand.Rand, n int, set func(int, fate)){
	loseAll, loseByCoin, loseByCoin, loseAfter, loseBefore, loseOne, keepOne,
}

func loseAll(_ *rand.Rand, n int, set func(int, fate)) {
	for i := range n {
		set(i, lost)
	}
}

func loseByCoin(random *rand.Rand, n int, set func(int, fate)) {
	for i := range n {
		set(i, fate(random.IntN(3)))
	}
}

func loseAfter(random *rand.Rand, n int, set func(int, fate)) {
	first := random.IntN(n + 1)
	for i := first; i < n; i++ {
		set(i, lost)
	}
	if first < n {
		set(first, lostOrTorn(random))
	}
}

func loseBefore(random *rand.Rand, n int, set func(int, fate)) {
	for i := range random.IntN(n + 1) {
		set(i, lost)
	}
}

func loseOne(random *rand.Rand, n int, set func(int, fate)) {
	if n > 0 {
		set(random.IntN(n), lostOrTorn(random))
	}
}

func keepOne(random *rand.Rand, n int, set func(int, fate)) {
	loseAll(random, n, set)
	if n > 0 {
		set(random.IntN(n), kept)
	}
}

func lostOrTorn(random *rand.Rand) fate { return lost + fate(random.IntN(2)) }
