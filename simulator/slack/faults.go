package slack

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault makes chosen calls fail in a chosen way. Calls are counted for each fault apart: those that match its method
// and channel, whatever else befalls them.
type Fault struct {
	// Kind is one of FaultKinds.
	Kind string `json:"kind"`
	// Method and Channel narrow the calls; empty means any.
	Method  string `json:"method,omitempty"`
	Channel string `json:"channel,omitempty"`
	// Call is the first matching call that fails, counted from 1; zero means 1.
	Call int `json:"call,omitempty"`
	// Every lets only each n-th of the calls from there on fail; zero means each.
	Every int `json:"every,omitempty"`
	// Times is how many calls fail; zero means all that follow.
	Times int `json:"times,omitempty"`
	// Probability is that of each due call, drawn by the workspace's seed; zero means always.
	Probability float64 `json:"probability,omitempty"`
	// Error is the text in {"ok":false,"error":…} of the kind error; empty means internal_error.
	Error string `json:"error,omitempty"`
	// RetryAfter is the header of throttle and 503: a literal value, or "huge" for ten years, "garbage", "date" for an
	// HTTP date in one second; empty or "absent" means no header.
	RetryAfter string `json:"retry_after,omitempty"`
	// Delay is how long latency lasts, and the longest that hang holds on (zero: ten minutes).
	Delay time.Duration `json:"delay,omitempty"`
	// Host is where redirects lead: a host, or scheme and host.
	Host string `json:"host,omitempty"`
	// After lets the call take effect before it fails.
	After bool `json:"after,omitempty"`
}

// ParseFault reads the form "method=chat.postMessage,call=2,times=3,kind=throttle,retry-after=1". The keys are kind,
// method, channel, call, every, times, probability, error, retry-after, delay, host and after.
func ParseFault(text string) (Fault, error) {
	var f Fault
	for part := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return Fault{}, fmt.Errorf("slack simulator: fault %q: %q is not key=value", text, part)
		}
		if err := f.set(key, value); err != nil {
			return Fault{}, fmt.Errorf("slack simulator: fault %q: %s: %w", text, key, err)
		}
	}
	return f, f.check()
}

func (f *Fault) set(key, value string) (err error) {
	switch key {
	case "kind":
		f.Kind = value
	case "method":
		f.Method = value
	case "channel":
		f.Channel = value
	case "call":
		f.Call, err = strconv.Atoi(value)
	case "every":
		f.Every, err = strconv.Atoi(value)
	case "times":
		f.Times, err = strconv.Atoi(value)
	case "probability":
		f.Probability, err = strconv.ParseFloat(value, 64)
	case "error":
		f.Error = value
	case "retry-after":
		f.RetryAfter = value
	case "delay":
		f.Delay, err = time.ParseDuration(value)
	case "host":
		f.Host = value
	case "after":
		f.After, err = strconv.ParseBool(value)
	default:
		err = fmt.Errorf("unknown key")
	}
	return err
}

// String is the form that ParseFault reads.
func (f Fault) String() string {
	parts := []string{"kind=" + f.Kind}
	add := func(key, value string, given bool) {
		if given {
			parts = append(parts, key+"="+value)
		}
	}
	add("method", f.Method, f.Method != "")
	add("channel", f.Channel, f.Channel != "")
	add("call", strconv.Itoa(f.Call), f.Call != 0)
	add("every", strconv.Itoa(f.Every), f.Every != 0)
	add("times", strconv.Itoa(f.Times), f.Times != 0)
	add("probability", strconv.FormatFloat(f.Probability, 'g', -1, 64), f.Probability != 0)
	add("error", f.Error, f.Error != "")
	add("retry-after", f.RetryAfter, f.RetryAfter != "")
	add("delay", f.Delay.String(), f.Delay != 0)
	add("host", f.Host, f.Host != "")
	add("after", "true", f.After)
	return strings.Join(parts, ",")
}

// errorForm is that of Slack's error codes.
var errorForm = regexp.MustCompile(`^[a-z0-9_]*$`)

func (f Fault) check() error {
	switch _, known := faultKinds[f.Kind]; {
	case !known:
		return fmt.Errorf("slack simulator: unknown fault kind %q", f.Kind)
	case f.Method != "" && methods[f.Method] == nil:
		return fmt.Errorf("slack simulator: fault %s: unknown method", f)
	case f.Call < 0 || f.Every < 0 || f.Times < 0 || f.Delay < 0:
		return fmt.Errorf("slack simulator: fault %s: numbers must not be negative", f)
	case !(f.Probability >= 0 && f.Probability <= 1):
		return fmt.Errorf("slack simulator: fault %s: probability must be from 0 to 1", f)
	case !errorForm.MatchString(f.Error):
		return fmt.Errorf("slack simulator: fault %s: not an error code of Slack's form", f)
	}
	return nil
}

// faultSet is the faults in force with their counters.
type faultSet struct {
	mu    sync.Mutex
	seed  uint64
	armed []*armedFault
}

type armedFault struct {
	Fault
	seen, applied int
}

// SetFaults replaces the faults in force and starts their counters anew; an empty list ends them all.
func (w *Workspace) SetFaults(faults []Fault) error {
	armed := make([]*armedFault, 0, len(faults))
	for _, f := range faults {
		if err := f.check(); err != nil {
			return err
		}
		armed = append(armed, &armedFault{Fault: f})
	}
	w.faults.mu.Lock()
	defer w.faults.mu.Unlock()
	w.faults.armed = armed
	return nil
}

// dueFaults are the faults that one call meets: any number of delays, and one that changes the answer.
type dueFaults struct {
	delay time.Duration
	slow  bool
	down  bool
	main  *Fault
}

func (d dueFaults) names() string {
	var names []string
	if d.slow {
		names = append(names, "latency")
	}
	if d.down {
		names = append(names, "down")
	} else if d.main != nil {
		names = append(names, d.main.Kind)
	}
	return strings.Join(names, "+")
}

// due counts a call for every fault that it matches and picks those that it meets.
func (s *faultSet) due(c *call, down bool) dueFaults {
	s.mu.Lock()
	defer s.mu.Unlock()
	due := dueFaults{down: down}
	for n, f := range s.armed {
		if c.method == nil || f.Method != "" && f.Method != c.name || f.Channel != "" && f.Channel != c.arg("channel") {
			continue
		}
		f.seen++
		if !f.falls(s.seed, n) {
			continue
		}
		switch {
		case f.Kind == "latency":
			due.delay, due.slow = due.delay+f.Delay, true
		case due.main == nil:
			due.main = &f.Fault
		default:
			continue
		}
		f.applied++
	}
	return due
}

// falls tells whether the call just seen fails.
func (f *armedFault) falls(seed uint64, n int) bool {
	first := max(1, f.Call)
	if f.seen < first || f.Times > 0 && f.applied >= f.Times {
		return false
	}
	if f.Every > 1 && (f.seen-first)%f.Every != 0 {
		return false
	}
	if f.Probability == 0 {
		return true
	}
	// The draw depends on the seed, the fault and the call's number alone, so that it can be repeated.
	draw := rand.New(rand.NewPCG(seed, uint64(n)<<32|uint64(f.seen))) //nolint:gosec // small numbers, for a test's dice
	return draw.Float64() < f.Probability
}

// FaultCount tells what became of a fault: how many calls matched it, and how many failed by it.
type FaultCount struct {
	Fault   string `json:"fault"`
	Matched int    `json:"matched"`
	Applied int    `json:"applied"`
}

// FaultCounts tells for each fault in force how often it was reached.
func (w *Workspace) FaultCounts() []FaultCount {
	w.faults.mu.Lock()
	defer w.faults.mu.Unlock()
	counts := make([]FaultCount, 0, len(w.faults.armed))
	for _, f := range w.faults.armed {
		counts = append(counts, FaultCount{f.String(), f.seen, f.applied})
	}
	return counts
}
