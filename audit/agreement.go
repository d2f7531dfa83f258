package audit

import (
	"fmt"
	"slices"
)

// checkpoints compares the entry read last with the checkpoints of its size.
func (v *verifier) checkpoints() error {
	n := v.head.Size
	if v.milestoneSize == n {
		if err := v.agree(v.milestones[0], fmt.Sprintf("the log's checkpoint at entry %d", n)); err != nil {
			return err
		}
		v.milestones = v.milestones[1:]
		if err := v.nextMilestone(); err != nil {
			return err
		}
	} else if n%Milestone == 0 || v.changed {
		return rewritten(v.agreed, n, "the log's checkpoint at entry %d is missing", n)
	}
	return v.keptHere()
}

// nextMilestone takes up the next of the log's own checkpoints. They stand in the order of size.
func (v *verifier) nextMilestone() error {
	before := v.milestoneSize
	if v.milestoneSize = never; len(v.milestones) == 0 {
		return nil
	}
	c, err := readCheckpoint(v.milestones[0])
	switch {
	case err != nil:
		return &Tampered{What: fmt.Sprintf("the log's own checkpoint after the one at entry %d: %v", before, err)}
	case c.head.Size <= before || c.head.Size < v.first:
		return &Tampered{What: fmt.Sprintf("the log's own checkpoint at entry %d is out of place, after the one at entry %d",
			c.head.Size, before)}
	}
	v.milestoneSize = c.head.Size
	return nil
}

// keptHere compares the entry read last with the checkpoints of its size that were kept elsewhere.
func (v *verifier) keptHere() error {
	for len(v.kept) > 0 && v.kept[0].size == v.head.Size {
		name := fmt.Sprintf("the checkpoint at entry %d that was kept elsewhere", v.head.Size)
		if err := v.agree(v.kept[0].text, name); err != nil {
			return err
		}
		v.kept = v.kept[1:]
		v.report.Kept++
	}
	return nil
}

// agree makes sure that a checkpoint at the entry read last is signed by the keys in force there and has its hash.
func (v *verifier) agree(text []byte, name string) error {
	head, err := v.open(text)
	switch {
	case err != nil:
		return rewritten(v.agreed, v.head.Size, "%s: %v", name, err)
	case head != v.head:
		return rewritten(v.agreed, v.head.Size, "%s is of entry %d with another hash", name, head.Size)
	}
	v.agreed = v.head.Size
	return nil
}

// open reads a checkpoint at the entry read last. Before a log's first entry that is known, the last key is enough: the
// one that it may have replaced is not known.
func (v *verifier) open(text []byte) (Head, error) {
	if v.head.Size < v.first {
		return v.key.OpenNewest(text)
	}
	return openCheckpoint(text, v.signers()...)
}

// finish compares the end of the log with what is known of it.
func (v *verifier) finish() error {
	if v.head.Size < v.first {
		return v.finishEmpty()
	}
	if err := v.newest(); err != nil {
		return err
	}
	if err := v.beyond(); err != nil {
		return err
	}
	if !v.log.LastKey.IsZero() && v.log.LastKey != v.key {
		return &Tampered{What: fmt.Sprintf("the public key given with the log is %s, and the log ends with the key %s",
			v.log.LastKey.Fingerprint(), v.key.Fingerprint())}
	}
	if err := v.trusted(); err != nil {
		return err
	}
	v.report.First, v.report.Last, v.report.Head, v.report.Keys = v.first, v.head.Size, v.head, v.keys
	v.report.LastTime = timeOf(v.time[:])
	return nil
}

// newest makes sure that the newest checkpoint is at the last entry.
func (v *verifier) newest() error {
	last := v.head.Size
	if len(v.log.Newest) == 0 {
		return rewritten(v.agreed, last, "the newest checkpoint, at entry %d, is missing", last)
	}
	c, err := readCheckpoint(v.log.Newest)
	if err != nil {
		return rewritten(v.agreed, last, "the newest checkpoint, which should be at entry %d: %v", last, err)
	}
	name := fmt.Sprintf("the newest checkpoint, at entry %d", c.head.Size)
	switch _, err := v.key.OpenNewest(v.log.Newest); {
	case c.head.Size > last && err == nil:
		return missing(last+1, c.head.Size, name+", covers them")
	case c.head.Size > last:
		return missing(last+1, c.head.Size, fmt.Sprintf("%s, covers them or is itself changed: %v", name, err))
	case c.head.Size < last && err == nil:
		return &Tampered{Entry: c.head.Size + 1, Last: last,
			What: fmt.Sprintf("entries %d to %d are not signed: %s, is older", c.head.Size+1, last, name)}
	}
	return v.agree(v.log.Newest, name)
}

// beyond makes sure that no checkpoint is of entries that the log does not have.
func (v *verifier) beyond() error {
	last := v.head.Size
	if v.milestoneSize != never {
		return missing(last+1, v.milestoneSize, fmt.Sprintf("the log's checkpoint at entry %d covers them", v.milestoneSize))
	}
	if len(v.kept) == 0 {
		return nil
	}
	kept := v.kept[len(v.kept)-1]
	why := fmt.Sprintf("the checkpoint at entry %d that was kept elsewhere covers them: "+
		"the log was put back to an earlier state, or this copy of it is older", kept.size)
	if _, err := v.key.OpenNewest(kept.text); err != nil {
		why += fmt.Sprintf(", or the checkpoint is another log's, for %v", err)
	}
	return missing(last+1, kept.size, why)
}

// finishEmpty is finish for a log without entries.
func (v *verifier) finishEmpty() error {
	switch {
	case v.first > 1:
		return missing(v.first, v.first, "the log should begin with it")
	case len(v.log.Newest) > 0 || len(v.milestones) > 0:
		return missing(1, 1, "the log has a checkpoint and no entry")
	case len(v.kept) > 0:
		size := v.kept[len(v.kept)-1].size
		return missing(1, size, fmt.Sprintf("the log is empty, and the checkpoint at entry %d was kept elsewhere", size))
	case !v.trust.Key.IsZero() || !v.log.LastKey.IsZero():
		return missing(1, 1, "the log is empty, and its key is known")
	}
	return nil
}

// trusted makes sure that the key known from elsewhere is one of the log's, and vouches for those that came after it.
func (v *verifier) trusted() error {
	if v.trust.Key.IsZero() {
		return nil
	}
	known := slices.IndexFunc(v.keys, func(k KeyInForce) bool { return k.Key == v.trust.Key })
	if known < 0 {
		return v.strange()
	}
	for _, k := range v.keys[known+1:] {
		if k.Replaced {
			return &Tampered{Entry: k.From, Last: v.head.Size,
				What: fmt.Sprintf("entry %d: the key was replaced without the signature of the old one, and only %s from before "+
					"is trusted: if its keeper says that it was lost, trust %s",
					k.From, v.trust.Key.Fingerprint(), k.Key.Fingerprint())}
		}
	}
	return nil
}

// strange says that the key known from elsewhere never was in force.
func (v *verifier) strange() error {
	why := "the log was rewritten from its beginning, is another one"
	if v.first > 1 {
		why += fmt.Sprintf(", or changed to another key before entry %d", v.first)
	}
	return &Tampered{Entry: v.first, Last: v.head.Size,
		What: fmt.Sprintf("the log is signed with the key %s and was never signed with %s, which is trusted: %s",
			v.key.Fingerprint(), v.trust.Key.Fingerprint(), why)}
}
