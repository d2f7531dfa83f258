package metrics

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
)

// children are the series of a family.
func children(t *testing.T, m *Metrics, name string) int {
	t.Helper()
	n, err := testutil.GatherAndCount(m.Registry(), namespace+"_"+name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func TestCountersOfNotificationsStartAtZero(t *testing.T) {
	m := New(reminding())
	for name, n := range map[string]int{
		"notifications_total":            2 * 3,
		"notifications_failed_total":     (3 + 2) * 3, // "other" beside two reasons of slack and one of webhook
		"notifications_suppressed_total": 2 * 3 * 2,
		"notification_channel_up":        0,
		"reminder_lateness_seconds":      1,
		"slack_requests_total":           len(slackMethods()) * 4, // ok, ratelimited, invalid_auth, other
		"slack_request_duration_seconds": len(slackMethods()),
	} {
		if got := children(t, m, name); got != n {
			t.Errorf("%s has %d series, want %d", name, got, n)
		}
	}
	families := gather(t, m)
	for _, kind := range reminding().Kinds {
		want(t, families, 0, "notifications_total", "channel", "webhook", "kind", kind)
		want(t, families, 0, "notifications_failed_total", "channel", "slack", "kind", kind, "reason", "invalid_auth")
		want(t, families, 0, "notifications_failed_total", "channel", "webhook", "kind", kind, "reason", "other")
		wantAbsent(t, families, "notifications_failed_total", "channel", "webhook", "kind", kind, "reason", "invalid_auth")
		want(t, families, 0, "notifications_suppressed_total", "channel", "slack", "kind", kind, "reason", "settled")
	}
	want(t, families, 0, "slack_requests_total", "method", "users.lookupByEmail", "code", "ratelimited")
}

func TestWithoutRemindersTheirSeriesAreAbsent(t *testing.T) {
	families := gather(t, published(Options{Organizations: []string{"acme"}}, seeded()))
	for _, f := range append(notificationFamilies(), reminderFamilies()...) {
		if families[f.Name] != nil {
			t.Errorf("%s is there although no reminders are configured", f.Name)
		}
	}
}

func TestNotificationsAreCounted(t *testing.T) {
	m := New(reminding())
	m.NotificationSent("reminder", "slack", 90*time.Minute)
	m.NotificationSent("reminder", "slack", -time.Hour)
	m.NotificationSent("digest", "webhook", time.Hour)
	m.NotificationFailed("escalation", "slack", "ratelimited")
	m.NotificationFailed("escalation", "webhook", "ratelimited") // a reason of slack's only
	m.NotificationFailed("reminder", "pigeon", "timeout")
	m.NotificationSuppressed("reminder", "slack", "settled")
	m.NotificationSuppressed("song", "slack", "tired")
	families := gather(t, m)
	want(t, families, 2, "notifications_total", "channel", "slack", "kind", "reminder")
	want(t, families, 1, "notifications_total", "channel", "webhook", "kind", "digest")
	want(t, families, 0, "notifications_total", "channel", "slack", "kind", "digest")
	want(t, families, 1, "notifications_failed_total", "channel", "slack", "kind", "escalation", "reason", "ratelimited")
	want(t, families, 1, "notifications_failed_total", "channel", "webhook", "kind", "escalation", "reason", "other")
	want(t, families, 1, "notifications_failed_total", "channel", "other", "kind", "reminder", "reason", "other")
	want(t, families, 1, "notifications_suppressed_total", "channel", "slack", "kind", "reminder", "reason", "settled")
	want(t, families, 1, "notifications_suppressed_total", "channel", "slack", "kind", "other", "reason", "other")
}

func TestLatenessIsThatOfReminders(t *testing.T) {
	m := New(reminding())
	for _, late := range []time.Duration{-time.Hour, 30 * time.Second, time.Minute, 2 * time.Hour, 31 * 24 * time.Hour} {
		m.NotificationSent("reminder", "slack", late)
	}
	m.NotificationSent("digest", "slack", time.Hour)
	m.NotificationSent("escalation", "slack", time.Hour)
	h := gather(t, m)["jwtsunset_reminder_lateness_seconds"].GetMetric()[0].GetHistogram()
	if h.GetSampleCount() != 5 || h.GetSampleSum() != 30+60+7200+31*86400 {
		t.Errorf("%d reminders, %v seconds late together", h.GetSampleCount(), h.GetSampleSum())
	}
	wantBuckets(t, h, map[float64]uint64{
		60: 3, 600: 3, 3600: 3, 21600: 4, 86400: 4, 259200: 4, 604800: 4, 2592000: 4,
	})
}

func wantBuckets(t *testing.T, h *dto.Histogram, cumulative map[float64]uint64) {
	t.Helper()
	if len(h.GetBucket()) != len(cumulative) {
		t.Errorf("%d buckets, want %d", len(h.GetBucket()), len(cumulative))
	}
	for _, b := range h.GetBucket() {
		n, ok := cumulative[b.GetUpperBound()]
		if !ok || b.GetCumulativeCount() != n {
			t.Errorf("up to %v s: %d, want %d (a bucket: %v)", b.GetUpperBound(), b.GetCumulativeCount(), n, ok)
		}
	}
}

func TestChannelUp(t *testing.T) {
	m := New(reminding())
	wantAbsent(t, gather(t, m), "notification_channel_up", "channel", "slack")
	m.ChannelUp("slack", false)
	m.ChannelUp("pigeon", false)
	families := gather(t, m)
	want(t, families, 0, "notification_channel_up", "channel", "slack")
	if n := len(families["jwtsunset_notification_channel_up"].GetMetric()); n != 1 {
		t.Errorf("%d channels, want the configured one that was used", n)
	}
	m.ChannelUp("slack", true)
	want(t, gather(t, m), 1, "notification_channel_up", "channel", "slack")
}

// A reload with the same channels goes on counting; a channel that is no longer configured ends, whatever it counted.
func TestChannelsAfterAReload(t *testing.T) {
	m := New(reminding())
	notified(m)
	m.Configure(reminding())
	families := gather(t, m)
	want(t, families, 1, "notifications_total", "channel", "slack", "kind", "reminder")
	want(t, families, 0, "notification_channel_up", "channel", "slack")
	want(t, families, 1, "slack_requests_total", "method", "chat.postMessage", "code", "ok")

	o := reminding()
	o.Sinks, o.SlackCodes = o.Sinks[1:], nil
	m.Configure(o)
	for name, family := range gather(t, m) {
		for _, series := range family.GetMetric() {
			if strings.HasPrefix(name, "jwtsunset_slack") || labelsOf(series)["channel"] == "slack" {
				t.Errorf("%s%v is still there", name, series)
			}
		}
	}
	want(t, gather(t, m), 1, "notifications_suppressed_total", "channel", "webhook", "kind", "reminder",
		"reason", "settled")

	m.Configure(Options{})
	families = gather(t, m)
	for _, f := range notificationFamilies() {
		if families[f.Name] != nil {
			t.Errorf("%s is there although no reminders are configured any more", f.Name)
		}
	}
}

func TestSlackCalls(t *testing.T) {
	m := New(reminding())
	m.SlackCalled("users.info", "ok", 300*time.Millisecond)
	m.SlackCalled("users.info", "is_archived", 2*time.Second)
	m.SlackCalled("users.info", "brand_new_error", time.Second)
	m.SlackCalled("users.info", "invalid_auth", 0) // never left
	m.SlackCalled("admin.users.remove", "ok", time.Second)
	families := gather(t, m)
	want(t, families, 1, "slack_requests_total", "method", "users.info", "code", "ok")
	want(t, families, 1, "slack_requests_total", "method", "users.info", "code", "is_archived")
	want(t, families, 1, "slack_requests_total", "method", "users.info", "code", "other")
	want(t, families, 1, "slack_requests_total", "method", "users.info", "code", "invalid_auth")
	want(t, families, 1, "slack_requests_total", "method", "other", "code", "ok")
	for _, series := range families["jwtsunset_slack_request_duration_seconds"].GetMetric() {
		if labelsOf(series)["method"] != "users.info" {
			continue
		}
		if h := series.GetHistogram(); h.GetSampleCount() != 3 || h.GetSampleSum() != 3.3 {
			t.Errorf("%d requests took %v s", h.GetSampleCount(), h.GetSampleSum())
		}
	}
}

// Whatever comes, the number of series is bounded by the lists.
func TestSeriesOfNotificationsAreBounded(t *testing.T) {
	m := New(reminding())
	o := reminding()
	for i := range 1000 {
		text := id(i)
		for _, channel := range []string{"slack", "webhook", text} {
			for _, kind := range append(o.Kinds, text) {
				m.NotificationSent(kind, channel, time.Second)
				m.NotificationFailed(kind, channel, text)
				m.NotificationSuppressed(kind, channel, text)
			}
		}
		for _, method := range append(slackMethods(), text) {
			m.SlackCalled(method, text, time.Second)
		}
	}
	channels, kinds, methods := len(o.Sinks)+1, len(o.Kinds)+1, len(slackMethods())+1
	for name, most := range map[string]int{
		"notifications_total":            channels * kinds,
		"notifications_failed_total":     channels * kinds * 3,
		"notifications_suppressed_total": channels * kinds * 2,
		"slack_requests_total":           methods * (1 + len(o.SlackCodes)),
		"slack_request_duration_seconds": methods,
	} {
		if got := children(t, m, name); got > most {
			t.Errorf("%s has %d series, want %d at most", name, got, most)
		}
	}
}

// Once Configure returned, no event that was on its way brings a channel back.
func TestNoEventBringsAnEndedChannelBack(t *testing.T) {
	m := New(reminding())
	without := reminding()
	without.Sinks, without.SlackCodes = without.Sinks[1:], nil
	stop := make(chan struct{})
	var events sync.WaitGroup
	events.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				notified(m)
				m.SlackCalled("users.info", "ratelimited", time.Second)
			}
		}
	})
	defer func() {
		close(stop)
		events.Wait()
	}()
	for range 50 {
		m.Configure(reminding())
		m.Configure(without)
		families := gather(t, m)
		for _, f := range notificationFamilies() {
			for _, series := range families[f.Name].GetMetric() {
				if labelsOf(series)["channel"] == "slack" {
					t.Fatalf("%s%v came back", f.Name, series)
				}
			}
		}
	}
}
