package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/millrace-ml/millrace/internal/notify"
	"github.com/millrace-ml/millrace/pipeline"
)

const notificationsKey = "notifications"

// notificationKeys are what a notification can say, and where it is kept.
var notificationKeys = []struct {
	key string
	set func(c *notify.Channel, values []string)
	// many values may be given, as a list.
	many bool
}{
	{"name", func(c *notify.Channel, v []string) { c.Name = v[0] }, false},
	{"kind", func(c *notify.Channel, v []string) { c.Kind = notify.Kind(strings.ToLower(v[0])) }, false},
	{"events", func(c *notify.Channel, v []string) { c.Events = events(v) }, true},
	{"experiment", func(c *notify.Channel, v []string) { c.Experiments = v }, true},
	{"url", func(c *notify.Channel, v []string) { c.URL = v[0] }, false},
	{"secret", func(c *notify.Channel, v []string) { c.Secret = v[0] }, false},
	{"to", func(c *notify.Channel, v []string) { c.To = v }, true},
	{"from", func(c *notify.Channel, v []string) { c.From = v[0] }, false},
	{"server", func(c *notify.Channel, v []string) { c.Server = v[0] }, false},
	{"username", func(c *notify.Channel, v []string) { c.Username = v[0] }, false},
	{"password", func(c *notify.Channel, v []string) { c.Password = v[0] }, false},
	{"tls", func(c *notify.Channel, v []string) { c.TLS = notify.TLS(strings.ToLower(v[0])) }, false},
	{"command", func(c *notify.Channel, v []string) { c.Command = v }, true},
}

func events(words []string) []pipeline.Event {
	list := make([]pipeline.Event, len(words))
	for i, word := range words {
		list[i] = pipeline.Event(strings.ToLower(word))
	}
	return list
}

// readNotifications reads who is told of jobs: a list of mappings.
func (c *Config) readNotifications(path string, node ast.Node) error {
	if _, none := node.(*ast.NullNode); none {
		return nil
	}
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		return wrong(path, node, "notifications: expected a list, of `- kind: webhook` and what belongs to it")
	}
	for _, item := range list.Values {
		channel, err := readNotification(path, item)
		if err != nil {
			return err
		}
		if channel.Name == "" {
			channel.Name = c.freeName(string(channel.Kind))
		}
		taken := func(other notify.Channel) bool { return other.Name == channel.Name }
		if slices.ContainsFunc(c.Notifications, taken) {
			return wrong(path, item, "notifications: there are two with the name %q", channel.Name)
		}
		if err := channel.Check(); err != nil {
			return wrong(path, item, "notifications: %v", err)
		}
		c.Notifications = append(c.Notifications, channel)
	}
	return nil
}

// freeName names a notification that has no name.
func (c *Config) freeName(kind string) string {
	name := kind
	for n := 2; slices.ContainsFunc(c.Notifications, func(other notify.Channel) bool { return other.Name == name }); n++ {
		name = fmt.Sprintf("%s-%d", kind, n)
	}
	return name
}

func readNotification(path string, node ast.Node) (c notify.Channel, err error) {
	pairs, ok := mapping(node)
	if !ok || len(pairs) == 0 {
		return c, wrong(path, node, "notifications: expected `kind: webhook`, email or command, and what belongs to it")
	}
	seen := map[string]bool{}
	for _, pair := range pairs {
		key := pair.Key.GetToken().Value
		var known []string
		found := false
		for _, k := range notificationKeys {
			known = append(known, k.key)
			if k.key != key {
				continue
			}
			found = true
			if seen[key] {
				return c, wrong(path, pair.Key, "notifications: key %q stands here for the second time", key)
			}
			seen[key] = true
			values, err := texts(path, key, pair.Value, k.many)
			if err != nil {
				return c, err
			}
			k.set(&c, values)
		}
		if !found {
			return c, wrong(path, pair.Key, "notifications: unknown key %q; the keys are %s", key, strings.Join(known, ", "))
		}
		if _, line := pair.Value.(ast.ScalarNode); key == "command" && line {
			c.Shell = true
		}
	}
	return c, nil
}

// texts reads one value or, where many may be given, a list of them.
func texts(path, key string, node ast.Node, many bool) ([]string, error) {
	if list, ok := node.(*ast.SequenceNode); ok && many {
		var values []string
		for _, item := range list.Values {
			text, ok := scalar(item)
			if !ok {
				return nil, wrong(path, item, "notifications: %s: expected text", key)
			}
			values = append(values, text)
		}
		return values, nil
	}
	text, ok := scalar(node)
	if !ok {
		return nil, wrong(path, node, "notifications: %s: expected one value", key)
	}
	return []string{text}, nil
}
