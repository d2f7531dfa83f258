package config

import (
	"regexp"
	"strings"
)

// word is a key that can be repeated in an error: no secret is made of lower-case letters only.
var word = regexp.MustCompile(`^[a-z]([a-z_-]{0,38}[a-z])?$`)

// advice is what is said about a key that a section does not have.
type advice struct {
	message, hint string
	// meant is the key of the section that was likely meant; empty if none is known.
	meant string
}

// unknownKey finds the advice about a key that a section of the tree of root does not have.
func unknownKey(root, n *node, key string) advice {
	if n.child(key+"_file") != nil {
		return advice{inlineMessage, "use " + key + "_file or " + key + "_env", key + "_file"}
	}
	if name := nearest(key, names(n)); name != "" {
		return advice{"unknown key", "did you mean " + name + "?", name}
	}
	if secretLike(key) {
		return inlineAdvice(root, n)
	}
	if path := elsewhere(root, key); path != "" {
		return advice{"unknown key", "did you mean " + path + "?", ""}
	}
	return advice{"unknown key", "known here are " + strings.Join(names(n), ", "), ""}
}

const inlineMessage = "a secret is never written here"

func names(n *node) []string {
	all := make([]string, len(n.fields))
	for i, c := range n.fields {
		all[i] = c.name
	}
	return all
}

// showable tells whether a key that does not exist can be repeated.
func showable(n *node, key string) bool {
	return word.MatchString(key) || nearest(key, names(n)) != ""
}

// secretLike tells whether a key is meant to hold a secret.
func secretLike(key string) bool {
	key = strings.ToLower(key)
	for _, part := range []string{"secret", "token", "password", "passwd", "private_key"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	return false
}

// inlineAdvice names the section's keys for secrets, or that of an organization where it has none. A file that is not
// the configuration has none at all.
func inlineAdvice(root, n *node) advice {
	var found []string
	for _, c := range n.fields {
		if base, ok := strings.CutSuffix(c.name, "_file"); ok && n.child(base+"_env") != nil {
			found = append(found, c.name)
		}
	}
	if root != schema() {
		return advice{inlineMessage, "remove it: nothing in this file is secret", ""}
	}
	if len(found) == 0 || n.path == "" {
		return advice{inlineMessage, "use organizations[N].client_secret_file", ""}
	}
	return advice{inlineMessage, "use " + choice(found), found[0]}
}

// elsewhere finds the only place, outside lists, where a key of this name exists.
func elsewhere(root *node, key string) string {
	var found []string
	root.visit(func(n *node) {
		if n.name == key && !n.inList() {
			found = append(found, n.path)
		}
	})
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

// nearest finds the name that differs least from a text, if it is near enough to have been meant.
func nearest(text string, names []string) string {
	best, least := "", 3
	for _, name := range names {
		// Long texts cannot be near: this bounds the work that a hostile file can cause.
		if len(text) > len(name)+2 {
			continue
		}
		if d := distance(strings.ToLower(text), name); d < least && d < (len(name)+1)/2 {
			best, least = name, d
		}
	}
	return best
}

// distance counts the letters to add, drop or change to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
