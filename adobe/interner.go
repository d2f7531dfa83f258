package adobe

import (
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// interner keeps texts that come again and again, such as the names of owners, in memory once. It is safe for
// concurrent use and bounded: when full it is emptied.
type interner struct {
	mu    sync.RWMutex
	texts map[string]string // by their JSON form
}

const (
	internedTexts  = 8192
	internedLength = 128
)

func newInterner() *interner { return &interner{texts: make(map[string]string)} }

func (n *interner) unquote(v jsontext.Value) (string, error) {
	n.mu.RLock()
	text, ok := n.texts[string(v)]
	n.mu.RUnlock()
	if ok {
		return text, nil
	}
	text, err := unquote(v)
	if err != nil || len(v) > internedLength {
		return text, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.texts) >= internedTexts {
		clear(n.texts)
	}
	n.texts[string(v)] = text
	return text, nil
}
