package adobe

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"jwtsunset/credential"
)

// pageOf writes a page of accounts as Adobe does, of about 50 owners.
func pageOf(n, seed int) []byte {
	list := make([]string, n)
	for i := range list {
		k := seed + i
		list[i] = fmt.Sprintf(`{"lastUpdated":"2024-02-20T10:11:12.345Z","accountName":"service-%d","description":"BI",`+
			`"assignedToUser":"user%d@example.com",`+
			`"technicalAccountName":"%08X-1F3E-4D5C-8B7A-9E8F7D6C5B4A@TECHACCT.ADOBE.COM",`+
			`"technicalAccountId":"%024X","lastUpdatedBy":"%024X@AdobeID","createdBy":"%024X@AdobeID",`+
			`"created":"2024-02-20T10:11:12.345Z","active":true}`, k, k%50, k, k, k%50, k%50)
	}
	return []byte(`{"accounts":[` + strings.Join(list, ",") + `],"_page":{"count":1,"next":"2024-02-20T10:11:12.345Z",` +
		`"orderby":"-created"},"_links":{"next":{"href":"?start=x"}},"version":1}`)
}

func decodePage(page *answer, texts *interner) ([]credential.Account, error) {
	return decodeAnswer(newDecoder(page, texts), func(d *decoder) ([]credential.Account, error) {
		list, _, err := decodeAccounts(d)
		return list, err
	})
}

// BenchmarkAccountPage decodes a page of 100 accounts.
func BenchmarkAccountPage(b *testing.B) {
	data := pageOf(100, 0)
	page := &answer{body: &body{}}
	page.Write(data)
	texts := newInterner()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if list, err := decodePage(page, texts); err != nil || len(list) != 100 {
			b.Fatal(len(list), err)
		}
	}
}

// BenchmarkAccountsHeld reads 100,000 accounts and reports what each takes while it is kept.
func BenchmarkAccountsHeld(b *testing.B) {
	const pages = 1000
	for b.Loop() {
		texts := newInterner()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		held := make([][]credential.Account, pages)
		for i := range held {
			page := &answer{body: &body{}}
			page.Write(pageOf(100, i*100))
			list, err := decodePage(page, texts)
			if err != nil {
				b.Fatal(err)
			}
			held[i] = list
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(pages*100), "B/account")
		runtime.KeepAlive(held)
	}
}
