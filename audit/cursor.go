package audit

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"time"
)

// cursor reads a line from left to right. After the first thing that is not as expected it stays there, and what it
// gives means nothing. It reads a little more than the log's form allows; ParseEntry compares the forms.
type cursor struct {
	rest   []byte
	failed bool
}

func (c *cursor) entry() Entry {
	var e Entry
	c.literal(`{"v":1,"seq":`)
	e.Seq = c.integer()
	c.literal(`,"prev":`)
	e.Prev = c.hash()
	c.stamp(&e.Stamp)
	c.literal(`,"actor":{"person":`)
	e.Actor.Person = c.text()
	e.Actor.Door = Door(c.member("door"))
	e.Actor.Strength = Strength(c.member("strength"))
	c.literal(`}`)
	e.Action = Action(c.member("action"))
	c.literal(`,"object":{"type":`)
	e.Object.Type = c.text()
	e.Object.Organization = c.member("organization")
	e.Object.ID = c.member("id")
	c.literal(`}`)
	e.Before, e.After = c.member("before"), c.member("after")
	e.Policy, e.Config = c.member("policy"), c.member("config")
	e.Attempt, e.RequestID = c.member("attempt"), c.member("request_id")
	e.Result = Result(c.member("result"))
	e.Facts = c.facts()
	c.literal(`,"hash":`)
	e.Hash = c.hash()
	c.literal(`}`)
	c.failed = c.failed || len(c.rest) > 0
	return e
}

func (c *cursor) stamp(s *Stamp) {
	at, err := time.Parse(timeLayout, c.member("time"))
	c.failed = c.failed || err != nil
	s.Time = at
	s.Run = c.member("run")
	c.literal(`,"elapsed_us":`)
	s.Elapsed = time.Duration(c.integer()) * time.Microsecond
	s.Clock = ClockState(c.member("clock"))
}

func (c *cursor) facts() []Fact {
	c.literal(`,"facts":{`)
	var facts []Fact
	for !c.failed && !c.skip('}') {
		if len(facts) > 0 {
			c.literal(`,`)
		}
		name := c.text()
		c.literal(`:`)
		if bytes.HasPrefix(c.rest, []byte{'"'}) {
			facts = append(facts, Text(name, c.text()))
		} else {
			facts = append(facts, Number(name, c.integer()))
		}
	}
	return facts
}

// member reads a member that follows another and whose value is a text.
func (c *cursor) member(name string) string {
	c.literal(`,"`)
	c.literal(name)
	c.literal(`":`)
	return c.text()
}

func (c *cursor) literal(s string) {
	if c.failed || len(c.rest) < len(s) || string(c.rest[:len(s)]) != s {
		c.failed = true
		return
	}
	c.rest = c.rest[len(s):]
}

// skip steps over a byte if it comes next.
func (c *cursor) skip(b byte) bool {
	if c.failed || len(c.rest) == 0 || c.rest[0] != b {
		return false
	}
	c.rest = c.rest[1:]
	return true
}

func (c *cursor) integer() int64 {
	n := 0
	for n < len(c.rest) && (isDigit(c.rest[n]) || n == 0 && c.rest[n] == '-') {
		n++
	}
	value, err := strconv.ParseInt(string(c.rest[:n]), 10, 64)
	if c.failed || err != nil {
		c.failed = true
		return 0
	}
	c.rest = c.rest[n:]
	return value
}

func (c *cursor) hash() Hash {
	var h Hash
	text := c.text()
	if n, err := hex.Decode(h[:], []byte(text[:min(len(text), 2*len(h))])); err != nil || n != len(h) {
		c.failed = true
	}
	return h
}

func (c *cursor) text() string {
	c.literal(`"`)
	var out []byte
	for !c.failed {
		n := bytes.IndexAny(c.rest, `"\`)
		if n < 0 {
			c.failed = true
			break
		}
		out = append(out, c.rest[:n]...)
		c.rest = c.rest[n:]
		if c.skip('"') {
			return string(out)
		}
		out = append(out, c.escape())
	}
	return ""
}

// escape reads an escape. The log has none for characters above U+007F.
func (c *cursor) escape() byte {
	if len(c.rest) < 2 {
		c.failed = true
		return 0
	}
	if plain := unescape(c.rest[1]); plain != 0 {
		c.rest = c.rest[2:]
		return plain
	}
	c.literal(`\u00`)
	var b [1]byte
	if c.failed || len(c.rest) < 2 {
		c.failed = true
		return 0
	}
	if _, err := hex.Decode(b[:], c.rest[:2]); err != nil || b[0] > 0x7f {
		c.failed = true
		return 0
	}
	c.rest = c.rest[2:]
	return b[0]
}
