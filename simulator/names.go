package simulator

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// dice is the splitmix64 generator: small, fast and the same on every machine, so that a seed names an organization.
// Nothing secret comes from it but made-up passwords of made-up credentials.
type dice struct{ state uint64 }

func (d *dice) next() uint64 {
	d.state += 0x9E3779B97F4A7C15
	z := d.state
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return z ^ (z >> 31)
}

// below is a number from 0 to n-1.
func (d *dice) below(n int) int { return int(d.next()>>33) % n }

func (d *dice) chance() float64 { return float64(d.next()>>11) / (1 << 53) }

func (d *dice) hex(digits int) string {
	var raw []byte
	for 2*len(raw) < digits {
		raw = binary.BigEndian.AppendUint64(raw, d.next())
	}
	return hex.EncodeToString(raw)[:digits]
}

func (d *dice) uuid() string {
	h := d.hex(32)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-8" + h[17:20] + "-" + h[20:]
}

// technicalAccount is an id in the form of Adobe's: 24 hexadecimal digits in upper case.
func (d *dice) technicalAccount() string {
	return strings.ToUpper(d.hex(16)) + "0A495" + strings.ToUpper(d.hex(3))
}

func (d *dice) user() string { return strings.ToUpper(d.hex(16)) + "0A495C01@AdobeID" }

func pick[T any](d *dice, list []T) T { return list[d.below(len(list))] }

var (
	tools = []string{
		"looker", "tableau", "power-bi", "dbt", "airflow", "fivetran", "metabase", "superset", "qlik", "mode",
		"sigma", "hex", "databricks", "snowflake-sync", "segment", "census", "hightouch", "informatica", "talend",
		"alteryx", "thoughtspot", "domo", "grafana", "redash", "jupyter",
	}
	purposes = []string{
		"prod", "eu", "us", "apac", "staging", "finance", "marketing", "attribution", "churn-model", "daily-export",
		"loyalty", "web", "mobile", "crm", "qa",
	}
	owners = []string{
		"ana@example.com", "bi-team@example.com", "data-platform@example.com", "marketing-analytics@example.com",
		"finance-data@example.com", "emea-insights@example.com", "loyalty@example.com", "data-science@example.com",
		"web-analytics@example.com", "integrations@example.com", "ben@example.com", "chidi@example.com",
	}
	descriptions = []string{
		"BI dashboards", "nightly export", "", " ", "campaign attribution", "customer loyalty model", "ad-hoc queries",
		"do not delete, ask the owner", "feeds the weekly report",
	}
	// hostileTexts are names that do harm where a program shows them unescaped.
	hostileTexts = []string{
		`=cmd|'/C calc'!A0`, `=HYPERLINK("http://attacker.invalid","open")`, "<!channel> please read", "<!here|here>",
		`</script><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, "safe\u202egnp.exe", "a\u2066b\u2069c\u200bd",
		"bell\a and escape \x1b[31mred\x1b[0m", "two\nlines\r\nand\ttab", "null\x00byte",
		`back\slash "quotes" 'n ` + "`ticks`",
		"{{.Secret}} ${HOME} %s%n", "'; DROP TABLE credentials;--", "",
	}
)

// toolNames are distinct names such as looker-prod, in an order that the dice choose.
func toolNames(d *dice) []string {
	names := make([]string, 0, len(tools)*len(purposes))
	for _, tool := range tools {
		for _, purpose := range purposes {
			names = append(names, tool+"-"+purpose)
		}
	}
	for i := len(names) - 1; i > 0; i-- {
		j := d.below(i + 1)
		names[i], names[j] = names[j], names[i]
	}
	return names
}
