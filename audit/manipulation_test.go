package audit

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// manipulation is a change of a bundle of variedLog, with table, that somebody without the key can make.
type manipulation struct {
	name  string
	apply func(t *testing.T, folder string)
	// program and script are what Verify and verify.sh have to say. An empty script leaves it to the program.
	program, script string
}

func manipulations(t *testing.T, l *testLog) []manipulation {
	t.Helper()
	last := l.head.Size
	return slices.Concat(entryManipulations(last), chainManipulations(t, l), checkpointManipulations(t, l),
		describedManipulations(t, last))
}

// entryManipulations change the entries without making them fit again.
func entryManipulations(last int64) []manipulation {
	tail := fmt.Sprintf("entries %d to %d are missing", last-1, last)
	return []manipulation{
		{"content of entry 17", replaceIn(fileEntries, `"id":"16"`, `"id":"61"`),
			"entry 17: its hash does not match its content", "entry 17: its hash does not match its content"},
		{"hash of entry 17", editLines(func(lines [][]byte) [][]byte {
			lines[16] = slices.Concat(lines[16][:len(lines[16])-66], lines[15][len(lines[15])-66:])
			return lines
		}), "entry 17: its hash does not match its content", "entry 17: its hash does not match its content"},
		{"form of entry 3", replaceIn(fileEntries, `{"v":1,"seq":3,`, `{"v":1, "seq":3,`),
			"entry 3: it is not in the form of an entry", "entry 3: it is not in the form of an entry"},
		{"NUL in entry 5", replaceIn(fileEntries, `"organization":"acme","id":"4"`, "\"organization\":\"ac\x00e\",\"id\":\"4\""),
			"entry 5: its hash does not match its content", "entry 5: it has a NUL byte"},
		{"NUL added to entry 5", replaceIn(fileEntries, `"id":"4"`, "\"id\":\"\x004\""),
			"entry 5: its hash does not match its content", "entry 5: it has a NUL byte"},
		{"entry 9 deleted", editLines(func(lines [][]byte) [][]byte { return slices.Delete(lines, 8, 9) }),
			"entry 9: it is missing or out of place: entry 10 stands there",
			"entry 9: it is missing or out of place: entry 10 stands there"},
		{"first entries deleted", editLines(func(lines [][]byte) [][]byte { return lines[2:] }),
			"entry 1: it is missing or out of place: entry 3 stands there",
			"entry 1: it is missing or out of place: entry 3 stands there"},
		{"entry 9 repeated", editLines(func(lines [][]byte) [][]byte { return slices.Insert(lines, 9, lines[8]) }),
			"entry 10: it is missing or out of place: entry 9 stands there",
			"entry 10: it is missing or out of place: entry 9 stands there"},
		{"entries 11 and 12 swapped", editLines(func(lines [][]byte) [][]byte {
			lines[10], lines[11] = lines[11], lines[10]
			return lines
		}), "entry 11: it is missing or out of place: entry 12 stands there",
			"entry 11: it is missing or out of place: entry 12 stands there"},
		{"empty line", editLines(func(lines [][]byte) [][]byte { return slices.Insert(lines, 7, []byte{}) }),
			"entry 8: it is not in the form of an entry", "entry 8: it is not in the form of an entry"},
		{"line ends", func(t *testing.T, folder string) {
			rewrite(t, folder, fileEntries, func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) })
		}, "entry 1: it is not in the form of an entry", "entry 1: it is not in the form of an entry"},
		{"tail cut", editLines(func(lines [][]byte) [][]byte { return lines[:len(lines)-2] }), tail,
			fmt.Sprintf("entry %d: it is missing", last-1)},
		{"tail cut, in the table too", editBoth(func(lines [][]byte) [][]byte { return lines[:len(lines)-2] }), tail,
			fmt.Sprintf("entry %d: it is missing", last-1)},
		{"all cut", editLines(func([][]byte) [][]byte { return nil }), "is missing", "entry 1: it is missing"},
		{"last newline cut", cutAt(-1), fmt.Sprintf("entry %d: the file is cut off in it", last),
			fmt.Sprintf("entry %d: the file is cut off in it", last)},
		{"cut in entry 1", cutAt(100), "entry 1: the file is cut off in it", "entry 1: the file is cut off in it"},
	}
}

// chainManipulations make the entries fit one another again, and the table fit them.
func chainManipulations(t *testing.T, l *testLog) []manipulation {
	t.Helper()
	last := l.head.Size
	foreign := newLog(t, 20)
	return []manipulation{
		{"entry 20 written anew", editBoth(func(lines [][]byte) [][]byte {
			lines[19] = rehashed(t, lines[19], "")
			return lines
		}), "entry 20: it is not the one that entry 21 follows", "entry 21: it does not follow entry 20"},
		{"entries from 20 on written anew", editBoth(func(lines [][]byte) [][]byte { return rechained(t, lines, 20) }),
			"the log's checkpoint at entry 256", fmt.Sprintf("checkpoint.txt is not that of entry %d", last)},
		{"entries from 260 on written anew", editBoth(func(lines [][]byte) [][]byte { return rechained(t, lines, 260) }),
			"it was after entry 256 and at or before entry 268", fmt.Sprintf("checkpoint.txt is not that of entry %d", last)},
		{"an entry of another log", editBoth(func(lines [][]byte) [][]byte {
			lines[19] = foreign.lines[19]
			return lines
		}), "entry 20: it does not follow entry 19", "entry 20: it does not follow entry 19"},
		{"one entry more", editBoth(func(lines [][]byte) [][]byte {
			line, _, err := l.head.Append(scanEvent(1), (&testLog{at: l.at}).stamp())
			if err != nil {
				t.Fatal(err)
			}
			return append(lines, line)
		}), fmt.Sprintf("entries %d to %d are not signed", last+1, last+1),
			fmt.Sprintf("entry %d: the export should end before it", last+1)},
	}
}

// checkpointManipulations change checkpoints and keys.
func checkpointManipulations(t *testing.T, l *testLog) []manipulation {
	t.Helper()
	other := newKey(t, l.key.Public().Name())
	forged, err := other.Sign(l.head)
	if err != nil {
		t.Fatal(err)
	}
	return []manipulation{
		{"signed by another key", func(t *testing.T, folder string) { replaceCheckpoint(t, folder, forged) },
			fmt.Sprintf("the newest checkpoint, at entry %d: it is not signed by", l.head.Size),
			"checkpoint.sig is not the key's signature"},
		{"signed and shown with another key", func(t *testing.T, folder string) {
			replaceCheckpoint(t, folder, forged)
			replaceKey(t, folder, other.Public())
		}, "the newest checkpoint", "public-key.txt is not the key that the entries name last"},
		{"an earlier checkpoint", func(t *testing.T, folder string) { replaceCheckpoint(t, folder, l.notes[99]) },
			"export.json: it says entry", "checkpoint.txt is not that of entry"},
		{"checkpoint", flipIn(fileCheckpoint, -10), "checkpoint", "checkpoint is not checkpoint.txt and checkpoint.sig"},
		{"checkpoint with a second signature", func(t *testing.T, folder string) {
			rewrite(t, folder, fileCheckpoint, func(b []byte) []byte {
				_, signature, _ := bytes.Cut(b, []byte("\n\n"))
				return slices.Concat(b, signature)
			})
		}, "2 signatures", "checkpoint is not checkpoint.txt and checkpoint.sig"},
		{"text of the checkpoint", flipIn(fileText, 5), "checkpoint.txt: it is not the text", "checkpoint.txt is not that of entry"},
		{"signature", flipIn(fileSignature, 5), "checkpoint.sig: it is not the signature", "checkpoint.sig is not the key's"},
		{"public key as text", flipIn(fileKeyText, -5), "public-key.txt: ", "public-key.txt is not the key"},
		{"public key in PEM", flipIn(fileKeyPEM, -40), "public-key.pem: it is not the key", "public-key.pem is not the key"},
		{"both public keys", func(t *testing.T, folder string) { replaceKey(t, folder, other.Public()) },
			"the public key given with the log", "public-key.txt is not the key that the entries name last"},
		{"milestone left out", func(t *testing.T, folder string) {
			rewrite(t, folder, fileMilestones, func(b []byte) []byte { return b[bytes.IndexByte(b, '\n')+1:] })
		}, "the log's checkpoint at entry 6 is missing", "a checkpoint in milestones.jsonl does not agree"},
		{"milestones in another order", func(t *testing.T, folder string) {
			rewrite(t, folder, fileMilestones, func(b []byte) []byte {
				lines := bytes.SplitAfter(b, []byte("\n"))
				return slices.Concat(lines[1], lines[0], lines[2])
			})
		}, "the log's checkpoint at entry 6 is missing", "a checkpoint in milestones.jsonl does not agree"},
		{"milestone of other entries", replaceIn(fileMilestones, `\n256\n`, `\n255\n`),
			"the log's checkpoint at entry 255", "a checkpoint in milestones.jsonl does not agree"},
		{"signature of a milestone", func(t *testing.T, folder string) {
			rewrite(t, folder, fileMilestones, func(b []byte) []byte {
				second := bytes.IndexByte(b, '\n') + 150 // in the signature at entry 256
				b[second] ^= 'A' ^ 'B'
				return b
			})
		}, "the log's", ""},
		{"milestones that are none", flipIn(fileMilestones, 0), "milestones.jsonl: line 1 is not a checkpoint",
			"milestones.jsonl is not a list"},
	}
}

// describedManipulations change what describes the entries, and the table.
func describedManipulations(t *testing.T, last int64) []manipulation {
	t.Helper()
	lastWas, lastIs := fmt.Sprintf(`"last": %d`, last), fmt.Sprintf(`"last": %d`, last-1)
	stranger := newKey(t, "").Public()
	return []manipulation{
		{"last entry described", replaceIn(fileExport, lastWas, lastIs), "export.json: it says entry",
			fmt.Sprintf("entry %d: the export should end before it", last)},
		{"first entry described", replaceIn(fileExport, `"first": 1,`, `"first": 2,`),
			"entry 2: it is missing or out of place: entry 1 stands there",
			"entry 2: it is missing or out of place: entry 1 stands there"},
		{"first key described", func(t *testing.T, folder string) {
			rewrite(t, folder, fileExport, func(b []byte) []byte {
				start := bytes.Index(b, []byte(`"first_key": "`)) + len(`"first_key": "`)
				end := start + bytes.IndexByte(b[start:], '"')
				return slices.Concat(b[:start], []byte(stranger.String()), b[end:])
			})
		}, "the first public key given with the log", "export.json names another first key"},
		{"name described", replaceIn(fileExport, `"log": "jwtsunset-`, `"log": "jwtsunset_`), "export.json: it says entry",
			"export.json names another log"},
		{"description that is none", flipIn(fileExport, 0), "export.json: it is not what the program writes",
			"export.json is not what the program writes"},
		{"description without entries", replaceIn(fileExport, `"first": 1,`, `"first": 0,`),
			"export.json: it does not say which entries", "export.json does not say which entries"},
		{"cell of entry 12", replaceIn(fileCSV, `"acme","11"`, `"acme","12"`), "entry 12: its row in entries.csv",
			"entries.csv is not made of entries.jsonl"},
		{"header of the table", flipIn(fileCSV, 2), "entries.csv: its header", "entries.csv is not made of entries.jsonl"},
		{"row more", func(t *testing.T, folder string) {
			rewrite(t, folder, fileCSV, func(b []byte) []byte { return append(b, "1\n"...) })
		}, "entries.csv: it has more rows", "entries.csv is not made of entries.jsonl"},
		{"row less", func(t *testing.T, folder string) {
			rewrite(t, folder, fileCSV, func(b []byte) []byte { return b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1] })
		}, fmt.Sprintf("entry %d: its row in entries.csv", last), "entries.csv is not made of entries.jsonl"},
	}
}

// rewrite changes a file of a bundle. That it does change is part of each manipulation.
func rewrite(t *testing.T, folder, name string, change func([]byte) []byte) {
	t.Helper()
	before := contentOf(t, folder, name)
	after := change([]byte(before))
	if string(after) == before {
		t.Fatalf("%s was not changed", name)
	}
	if err := os.WriteFile(filepath.Join(folder, name), after, 0o600); err != nil {
		t.Fatal(err)
	}
}

func replaceIn(name, old, with string) func(*testing.T, string) {
	return func(t *testing.T, folder string) {
		t.Helper()
		rewrite(t, folder, name, func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(with), 1) })
	}
}

// flipIn changes the byte at a place, counted from the end if it is negative, to another of the same kind.
func flipIn(name string, at int) func(*testing.T, string) {
	return func(t *testing.T, folder string) {
		t.Helper()
		rewrite(t, folder, name, func(b []byte) []byte {
			b[(at+len(b))%len(b)] ^= 1
			return b
		})
	}
}

func cutAt(at int) func(*testing.T, string) {
	return func(t *testing.T, folder string) {
		t.Helper()
		rewrite(t, folder, fileEntries, func(b []byte) []byte { return b[:(at+len(b))%len(b)] })
	}
}

// editLines changes the entries alone.
func editLines(change func([][]byte) [][]byte) func(*testing.T, string) {
	return func(t *testing.T, folder string) {
		t.Helper()
		rewrite(t, folder, fileEntries, func(b []byte) []byte { return joined(change(linesOf(b))) })
	}
}

// editBoth changes the entries and makes the table anew of them.
func editBoth(change func([][]byte) [][]byte) func(*testing.T, string) {
	return func(t *testing.T, folder string) {
		t.Helper()
		editLines(change)(t, folder)
		rewrite(t, folder, fileCSV, func([]byte) []byte {
			table := appendCSVHeader(nil)
			for _, line := range linesOf([]byte(contentOf(t, folder, fileEntries))) {
				e, err := ParseEntry(line)
				if err != nil {
					t.Fatal(err)
				}
				table = appendCSV(table, e)
			}
			return table
		})
	}
}

func linesOf(file []byte) [][]byte {
	lines := bytes.Split(file, []byte("\n"))
	return lines[:len(lines)-1]
}

func joined(lines [][]byte) []byte {
	var b bytes.Buffer
	for _, line := range lines {
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// rehashed is an entry with another result and, unless it is "", another hash before, and the hash of that.
func rehashed(t testing.TB, line []byte, prev string) []byte {
	t.Helper()
	e, err := ParseEntry(line)
	if err != nil {
		t.Fatal(err)
	}
	if prev != "" {
		line = bytes.Replace(line, []byte(e.Prev.String()), []byte(prev), 1)
	} else {
		line = bytes.Replace(line, []byte(`"result":"ok"`), []byte(`"result":"failed"`), 1)
	}
	h, _ := hashOpen(nil, line[:len(line)-hashTail])
	return slices.Concat(line[:len(line)-hashTail], []byte(hashMember+h.String()+`"}`))
}

// rechained changes an entry and makes all after it fit.
func rechained(t testing.TB, lines [][]byte, from int) [][]byte {
	t.Helper()
	lines = slices.Clone(lines)
	lines[from-1] = rehashed(t, lines[from-1], "")
	for i := from; i < len(lines); i++ {
		before := lines[i-1]
		lines[i] = rehashed(t, lines[i], string(before[len(before)-66:len(before)-2]))
	}
	return lines
}

// replaceCheckpoint puts another checkpoint into a bundle, in all its forms.
func replaceCheckpoint(t *testing.T, folder string, note []byte) {
	t.Helper()
	c, err := readCheckpoint(note)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		fileCheckpoint: note, fileText: []byte(c.text()), fileSignature: c.newestSignature(),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// replaceKey puts another public key into a bundle, in both its forms.
func replaceKey(t *testing.T, folder string, key PublicKey) {
	t.Helper()
	rewrite(t, folder, fileKeyText, func([]byte) []byte { return []byte(key.String() + "\n") })
	rewrite(t, folder, fileKeyPEM, func([]byte) []byte { return key.PEM() })
}
