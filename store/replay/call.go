package replay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxLine bounds one line of a trace: a write of 16 MiB, in which each byte takes four.
const maxLine = 64<<20 + 1<<10

// Call is one system call of a trace.
type Call struct {
	Thread   int
	Name     string
	Args     []string // as strace prints them
	Entry    int      // number of the line on which the call begins
	Exit     int      // number of the line on which it returns; -1 if it never does
	Result   int64    // -1 where Errno is set
	Errno    string   // name of the error, such as ENOENT; empty if the call succeeded or never returned
	Injected bool     // whether strace made the result up
}

// Parse reads the file that `strace -f -xx -o FILE` writes: one call a line, or two where calls of several threads
// interleave, all strings in hexadecimal. The calls come in the order in which they began. A line that it does not
// understand is an error; a thread's last one may be cut off, as it is where the process ended meanwhile.
func Parse(r io.Reader) ([]Call, error) {
	p := parser{open: map[int]unfinished{}, cut: map[int]error{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if err := p.line(lines.Text()); err != nil {
			return nil, p.at(err)
		}
		p.number++
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the trace: %w", err)
	}
	return p.calls, nil
}

type parser struct {
	calls  []Call
	open   map[int]unfinished // by thread
	cut    map[int]error      // what is wrong with a thread's call, unless the thread ended in it
	number int                // of the line
}

// at says where in the trace something is wrong.
func (p *parser) at(err error) error { return fmt.Errorf("line %d of the trace: %w", p.number+1, err) }

// unfinished is a call whose second half comes on a later line.
type unfinished struct {
	call int // its place in parser.calls
	text string
}

func (p *parser) line(line string) error {
	first, rest, found := strings.Cut(line, " ")
	thread, err := strconv.Atoi(first)
	if err != nil || !found {
		return fmt.Errorf("no thread id in %.40q", line)
	}
	rest = strings.TrimLeft(rest, " ")
	switch {
	case p.cut[thread] != nil && !strings.HasPrefix(rest, "+++"):
		return p.cut[thread]
	case strings.HasPrefix(rest, "---"), strings.HasPrefix(rest, "+++"):
		return nil // a signal, or the thread's end
	case strings.HasPrefix(rest, "???("), strings.HasPrefix(rest, "<... ??? "):
		return nil // the thread was ended before strace saw which call it was about to make
	case strings.HasPrefix(rest, "<... "):
		return p.resume(thread, rest)
	}
	name, text, found := strings.Cut(rest, "(")
	if !found || name == "" {
		return fmt.Errorf("no call in %.40q", rest)
	}
	p.calls = append(p.calls, Call{Thread: thread, Name: name, Entry: p.number, Exit: -1})
	return p.finish(len(p.calls)-1, text)
}

// resume puts the second half of a call to its first.
func (p *parser) resume(thread int, rest string) error {
	name, tail, found := strings.Cut(strings.TrimPrefix(rest, "<... "), " resumed>")
	begun, ok := p.open[thread]
	if !found || !ok || p.calls[begun.call].Name != name {
		return fmt.Errorf("no call of thread %d to go on with: %.40q", thread, rest)
	}
	delete(p.open, thread)
	return p.finish(begun.call, begun.text+tail)
}

// finish reads a call from behind its opening bracket, and keeps it open if there is more to come.
func (p *parser) finish(at int, text string) error {
	call := &p.calls[at]
	head, _, pending := strings.Cut(text, "<unfinished ...>")
	if pending {
		p.open[call.Thread] = unfinished{at, head}
		call.Args, _ = splitArgs(head)
		return nil
	}
	args, rest := splitArgs(text)
	result, found := strings.CutPrefix(strings.TrimLeft(rest, " "), "= ")
	if !found && strings.Trim(rest, " ") == "" { // strace lost the thread before it could say more
		p.cut[call.Thread] = p.at(fmt.Errorf("no result of %s in %.40q", call.Name, rest))
		call.Args = args
		return nil
	}
	if !found {
		return fmt.Errorf("no result of %s in %.40q", call.Name, rest)
	}
	call.Args = args
	return call.setResult(result, p.number)
}

// setResult reads what stands behind the equals sign: "5", "0x10 (flags ...)", "-1 ENOENT (No such file)", "?".
func (c *Call) setResult(result string, line int) error {
	first, rest, _ := strings.Cut(result, " ")
	if first == "?" {
		return nil // killed, or to be restarted: the call did not return
	}
	value, err := strconv.ParseInt(first, 0, 64)
	if address, unsigned := strconv.ParseUint(first, 0, 64); err != nil && unsigned == nil {
		value, err = int64(address), nil //nolint:gosec // an address, which nobody looks at
	}
	if err != nil {
		return fmt.Errorf("result of %s: %.40q", c.Name, result)
	}
	c.Exit, c.Result = line, value
	c.Injected = strings.HasSuffix(rest, "(INJECTED)")
	if value == -1 && strings.HasPrefix(rest, "E") {
		c.Errno, _, _ = strings.Cut(rest, " ")
	}
	return nil
}

// splitArgs takes arguments apart at their commas, up to the closing bracket, and gives what follows that.
func splitArgs(text string) (args []string, rest string) {
	depth, begin, quoted := 0, 0, false
	add := func(end int) {
		if arg := strings.TrimSpace(text[begin:end]); arg != "" {
			args = append(args, arg)
		}
		begin = end + 1
	}
	for i := range len(text) {
		c := text[i]
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(' || c == '[' || c == '{':
			depth++
		case depth == 0 && c == ')':
			add(i)
			return args, text[i+1:]
		case c == ')' || c == ']' || c == '}':
			depth--
		case depth == 0 && c == ',':
			add(i)
		}
	}
	add(len(text))
	return args, ""
}

// cutOff tells that the process ended in the call, or before it: nobody knows whether it did anything.
func (c Call) cutOff() bool { return c.Exit < 0 }

func (c Call) arg(i int) string {
	if i >= len(c.Args) {
		return ""
	}
	return c.Args[i]
}

// number is an argument that is a number.
func (c Call) number(i int) (int64, error) {
	n, err := strconv.ParseInt(c.arg(i), 0, 64)
	if err != nil {
		return 0, fmt.Errorf("argument %d of %s is no number: %.40q", i, c.Name, c.arg(i))
	}
	return n, nil
}

// text is an argument that is a string. One that strace cut off is an error.
func (c Call) text(i int) (string, error) {
	inner, quoted := strings.CutPrefix(c.arg(i), `"`)
	inner, closed := strings.CutSuffix(inner, `"`)
	if !quoted || !closed {
		return "", fmt.Errorf("argument %d of %s is no whole string: %.40q", i, c.Name, c.arg(i))
	}
	return unescape(inner)
}

// unescape makes bytes of `\x01\xab`. Traces are full of this.
func unescape(s string) (string, error) {
	b := make([]byte, 0, len(s)/4)
	for ; len(s) >= 4 && s[0] == '\\' && s[1] == 'x'; s = s[4:] {
		high, low := strings.IndexByte(hexDigits, s[2]), strings.IndexByte(hexDigits, s[3])
		if high < 0 || low < 0 {
			return "", errNotHex
		}
		b = append(b, byte(high<<4|low)) //nolint:gosec // two digits make a byte
	}
	if s != "" {
		return "", errNotHex
	}
	return string(b), nil
}

const hexDigits = "0123456789abcdef"

var errNotHex = errors.New("a string is not in hexadecimal: run strace with -xx")
