package config

import (
	"net"
	"net/netip"
	"net/url"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// form is what the text of one value must look like.
type form struct {
	// name completes the sentences "must be …" and stands in the documentation.
	name string
	// plain forms are not text: in the file they are written without quotes.
	plain bool
	// set stores the value and tells whether the text has the form.
	set func(v reflect.Value, text string) bool
	// hint says what to do about a text without the form; it never repeats it. It may be nil.
	hint func(text string) string
}

// textForm is the form of texts that a condition accepts.
func textForm(name string, accept func(string) bool) form {
	return form{name: name, set: func(v reflect.Value, text string) bool {
		v.SetString(text)
		return accept(text)
	}}
}

// pattern is the form of texts that match an expression.
func pattern(name, expression string) form {
	return textForm(name, regexp.MustCompile(`^(?:`+expression+`)$`).MatchString)
}

// orEmpty also takes the empty text.
func orEmpty(f form) form {
	inner := f.set
	f.name += ", or empty"
	f.set = func(v reflect.Value, text string) bool {
		if text == "" {
			v.SetString("")
			return true
		}
		return inner(v, text)
	}
	return f
}

func (f form) withHint(hint func(string) string) form {
	f.hint = hint
	return f
}

// oneOf is the form of a choice.
func oneOf(choices ...string) form {
	return textForm(choice(choices), func(text string) bool { return slices.Contains(choices, text) })
}

func choice(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// Numbers are written in decimal digits: no hexadecimal, exponent, underscore or infinity.
var (
	decimal  = regexp.MustCompile(`^-?[0-9]+$`)
	fraction = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
)

func whole(low, high int64) form {
	name := "a whole number from " + strconv.FormatInt(low, 10) + " to " + strconv.FormatInt(high, 10)
	return form{name: name, plain: true, set: func(v reflect.Value, text string) bool {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || !decimal.MatchString(text) || n < low || n > high {
			return false
		}
		v.SetInt(n)
		return true
	}}
}

// oneOfNumbers is the form of a choice of whole numbers.
func oneOfNumbers(choices ...int) form {
	words := make([]string, len(choices))
	for i, n := range choices {
		words[i] = strconv.Itoa(n)
	}
	return form{name: choice(words), plain: true, set: func(v reflect.Value, text string) bool {
		i := slices.Index(words, text)
		if i >= 0 {
			v.SetInt(int64(choices[i]))
		}
		return i >= 0
	}}
}

func number(low, high float64) form {
	name := "a number from " + formatNumber(low) + " to " + formatNumber(high)
	return form{name: name, plain: true, set: func(v reflect.Value, text string) bool {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !fraction.MatchString(text) || n < low || n > high {
			return false
		}
		v.SetFloat(n)
		return true
	}}
}

func formatNumber(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

var boolean = form{name: "true or false", plain: true, set: func(v reflect.Value, text string) bool {
	v.SetBool(text == "true")
	return text == "true" || text == "false"
}}

func duration(low, high time.Duration) form {
	name := "a duration from " + formatDuration(low) + " to " + formatDuration(high)
	f := form{name: name, set: func(v reflect.Value, text string) bool {
		d, ok := ParseDuration(text)
		if !ok || d < low || d > high {
			return false
		}
		v.SetInt(int64(d))
		return true
	}}
	return f.withHint(func(text string) string {
		if _, err := strconv.ParseFloat(text, 64); err == nil {
			return "add the unit: s, m, h or d, as in 30s"
		}
		return "write it as in 30s, 5m, 1h30m or 7d"
	})
}

const day = 24 * time.Hour

// days is the form of durations of whole days.
func days(low, high int) form {
	f := duration(time.Duration(low)*day, time.Duration(high)*day)
	inner := f.set
	f.name = "a duration of whole days from " + strconv.Itoa(low) + "d to " + strconv.Itoa(high) + "d"
	f.set = func(v reflect.Value, text string) bool {
		return inner(v, text) && time.Duration(v.Int())%day == 0
	}
	return f.withHint(func(string) string { return "write it as in 7d or 168h" })
}

// zone is a name of the IANA time zone database. "Local" is refused: it would mean something else on each machine.
var zone = form{name: "a time zone such as UTC or Europe/Zurich", set: func(v reflect.Value, text string) bool {
	if text == "" || text == "Local" {
		return false
	}
	location, err := time.LoadLocation(text)
	if err != nil {
		return false
	}
	v.Set(reflect.ValueOf(location))
	return true
}}

var date = form{name: "a date such as 2025-06-30 or an instant such as 2025-06-30T12:00:00Z",
	set: func(v reflect.Value, text string) bool {
		d, ok := parseDate(text)
		v.Set(reflect.ValueOf(d))
		return ok
	}}

var dayForm = form{name: "a day such as 2025-12-24", set: func(v reflect.Value, text string) bool {
	d, ok := parseDay(text)
	v.Set(reflect.ValueOf(d))
	return ok
}}

var (
	anyText  = textForm("text that is not empty", func(text string) bool { return text != "" })
	label    = pattern("1 to 63 lower-case letters, digits and dashes", `[a-z0-9-]{1,63}`)
	imsOrg   = pattern("24 hexadecimal digits and @AdobeOrg", `[0-9A-Fa-f]{24}@AdobeOrg`)
	clientID = pattern("1 to 256 visible ASCII characters", `[!-~]{1,256}`)
	scope    = pattern("a scope: text without spaces and commas", `[^\s,]+`)
	globForm = textForm("a pattern with *, ? and [a-z]", validGlob)
	envName  = pattern("the name of an environment variable: capital letters, digits and _", `[A-Z_][A-Z0-9_]*`).
			withHint(inlineHint)
	filePath   = textForm("the path of a file", func(text string) bool { return text != "" })
	folderPath = textForm("the path of a folder", func(text string) bool { return text != "" })
	// secretPath refuses what is plainly the secret itself and not the path of its file.
	secretPath = textForm("the path of a file that holds the secret", func(text string) bool {
		return text != "" && inlineHint(text) == ""
	}).withHint(inlineHint)
	cronForm = textForm("a cron schedule of five fields such as 17 */6 * * *", func(text string) bool {
		return strings.TrimSpace(text) != ""
	})
	email   = pattern("an e-mail address", `[^\s@]+@[^\s@]+`)
	slackID = pattern("a Slack user id such as U123, or team and user as in T123/U123", `(T[A-Z0-9]+/)?[UW][A-Z0-9]+`)
	// Slack takes letters of all scripts in names of channels, but no capital ones.
	slackChannel = pattern("the name of a Slack channel such as #name, or its id such as C0123456789",
		`#[\p{Ll}\p{Lo}\p{Lm}\p{M}\p{N}_-]{1,80}|[CG][A-Z0-9]{2,}`)
	slackUser  = pattern("a Slack user id such as U0123456789", `[UW][A-Z0-9]{2,}`)
	slackGroup = pattern("the id of a Slack user group such as S0123456789", `S[A-Z0-9]{2,}`)
	domain     = pattern("a domain in lower case such as example.com",
		`([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?`)
	language = pattern("a language such as en or zh-TW", `[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}`)
	// eventSource is a URI reference, as CloudEvents asks for.
	eventSource = textForm("a name or address without blanks, of at most 256 characters", validReference)
	oidcID      = pattern("issuer and subject as in https://login.example.com|1234", `[^\s|]+\|\S+`)
	adobeID     = pattern("an Adobe user id such as 0123@AdobeID", `[^\s@]+@[^\s@]+`)
	address     = textForm("host and port such as 127.0.0.1:9465", validAddress)
	baseURL     = textForm("an https address without password and query; http only for this machine itself",
		func(text string) bool {
			_, ok := validURL(text)
			return ok
		})
	// slackURL is what the names of Slack's methods are appended to.
	slackURL = textForm("an https address that ends in /; http only for this machine itself", func(text string) bool {
		u, ok := validURL(text)
		return ok && strings.HasSuffix(u.Path, "/")
	})
	linkTemplate = textForm("an https address that may hold {ims_org}, {sandbox} and {credential_id}", validTemplate)
	storeURL     = textForm("sqlite:PATH or postgres://HOST/DATABASE", ValidStore).withHint(storeHint)
)

// validGlob tells whether path.Match takes the pattern.
func validGlob(text string) bool {
	_, err := path.Match(text, "")
	return text != "" && err == nil
}

// inlineHint recognizes secrets by how they begin: tokens of Adobe (a JWT), its client secrets, tokens of Slack.
func inlineHint(text string) string {
	for _, prefix := range []string{"eyJ", "p8-", "p8e-", "xox", "xapp-"} {
		if strings.HasPrefix(text, prefix) {
			return "this looks like the secret itself: put it into a file and name the file here"
		}
	}
	return ""
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

func validAddress(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strconv.FormatUint(n, 10) != port {
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host == "" || hostName.MatchString(host)
}

// validURL accepts https everywhere and http on this machine only, because tokens travel with the requests.
func validURL(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil {
		return nil, false
	}
	if u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#") {
		return nil, false
	}
	return u, u.Scheme == "https" || (u.Scheme == "http" && loopback(u.Hostname()))
}

var uriReference = regexp.MustCompile("^[^\\s\"<>\\\\^`{|}]{1,256}$")

func validReference(text string) bool {
	_, err := url.Parse(text)
	return err == nil && uriReference.MatchString(text)
}

// loopback tells whether a host name means this machine.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

var placeholder = regexp.MustCompile(`\{(ims_org|sandbox|credential_id)\}`)

func validTemplate(text string) bool {
	u, err := url.Parse(placeholder.ReplaceAllString(text, "x"))
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return false
	}
	// A placeholder in the host could send people elsewhere; a brace that is left over is a misspelt placeholder.
	bare, err := url.Parse(placeholder.ReplaceAllString(text, ""))
	return err == nil && bare.Host == u.Host && !strings.ContainsAny(u.String(), "{}") &&
		!strings.Contains(u.String(), "%7B")
}

// ValidStore tells whether a text is the address of a store without a password.
func ValidStore(text string) bool {
	if file, ok := strings.CutPrefix(text, "sqlite:"); ok {
		return file != ""
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") ||
		u.Host == "" && !u.Query().Has("host") {
		return false
	}
	return !hasPassword(u)
}

func hasPassword(u *url.URL) bool {
	_, password := u.User.Password()
	return password || u.Query().Has("password") || u.Query().Has("sslpassword")
}

func storeHint(text string) string {
	if u, err := url.Parse(text); err == nil && hasPassword(u) {
		return "take the password out: use PGPASSFILE, or put the whole address into a file or an environment variable" +
			" and name that by store_file or store_env"
	}
	return ""
}
