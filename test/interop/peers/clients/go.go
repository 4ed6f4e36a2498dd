// Go's net/http client through fairlead. Prints "ok NAME" or "not ok NAME: why" for each check, and at the end how many
// there were.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var proxy = os.Getenv("FAIRLEAD")
var large = bytes.Repeat([]byte("0123456789"), 200_000)

type check struct {
	name string
	run  func() error
}

func main() {
	checks := []check{
		{"asks from 50 goroutines with kept connections", fiftyGoroutines},
		{"asks through it as HTTP_PROXY", forwardProxy},
		{"cancels a request and the service sees it", cancel},
		{"sends a body of unknown length and reads it back", unknownLength},
		{"waits for 100 Continue before it sends a body", expectContinue},
		{"exchanges trailers both ways", trailers},
		{"sees the 103 of a service before its answer", earlyHints},
		{"times out and goes on with a new connection", timeout},
	}
	for _, check := range checks {
		if err := check.run(); err != nil {
			fmt.Printf("not ok %s: %v\n", check.name, err)
		} else {
			fmt.Printf("ok %s\n", check.name)
		}
	}
	fmt.Println(len(checks), "checks")
}

func request(ctx context.Context, method, host, path string, body io.Reader) *http.Request {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+proxy+path, body)
	if err != nil {
		panic(err)
	}
	r.Host = host
	return r
}

func send(client *http.Client, r *http.Request, wanted string) error {
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if string(got) != wanted || answer.StatusCode != 200 {
		return fmt.Errorf("got %d and %d bytes %.80q, wanted %.80q", answer.StatusCode, len(got), got, wanted)
	}
	return nil
}

func fiftyGoroutines() error {
	var opened atomic.Int64
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 50}}
	trace := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			if !info.Reused {
				opened.Add(1)
			}
		},
	})
	errors := make(chan error, 50)
	var all sync.WaitGroup
	for g := 0; g < 50; g++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := 0; i < 40; i++ {
				if err := send(client, request(trace, "GET", "users", "/hello", nil), "users hello\n"); err != nil {
					errors <- err
					return
				}
			}
		}()
	}
	all.Wait()
	close(errors)
	if err := <-errors; err != nil {
		return err
	}
	// The pool of the client dials a few more than it keeps.
	if opened.Load() > 150 {
		return fmt.Errorf("%d connections for 2000 requests of 50 goroutines", opened.Load())
	}
	return nil
}

func forwardProxy() error {
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: proxy})}}
	r, _ := http.NewRequest("POST", "http://users/echo", bytes.NewReader(large))
	return send(client, r, string(large))
}

func cancel() error {
	before, err := cancelled()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	time.AfterFunc(200*time.Millisecond, stop)
	if _, err := http.DefaultClient.Do(request(ctx, "GET", "go", "/wait", nil)); err == nil {
		return fmt.Errorf("there was an answer")
	}
	for i := 0; i < 100; i++ {
		if after, err := cancelled(); err != nil || after != before {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("the service saw nothing in 2 s")
}

func cancelled() (string, error) {
	answer, err := http.DefaultClient.Do(request(context.Background(), "GET", "go", "/cancelled", nil))
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	count, err := io.ReadAll(answer.Body)
	return string(count), err
}

func unknownLength() error {
	body := io.MultiReader(bytes.NewReader(large), strings.NewReader("end")) // Go sends it in chunks
	return send(http.DefaultClient, request(context.Background(), "POST", "go", "/echo", body), string(large)+"end")
}

func expectContinue() error {
	var continued atomic.Bool
	trace := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		Got100Continue: func() { continued.Store(true) },
	})
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: 10 * time.Second}}
	r := request(trace, "POST", "go", "/echo", bytes.NewReader(large))
	r.Header.Set("Expect", "100-continue")
	if err := send(client, r, string(large)); err != nil {
		return err
	}
	if !continued.Load() {
		return fmt.Errorf("no 100 Continue came")
	}
	return nil
}

func trailers() error {
	r := request(context.Background(), "POST", "go", "/trailers", io.MultiReader(strings.NewReader("a body")))
	r.Trailer = http.Header{"X-Sent": {"a trailer"}}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, answer.Body)
	if got := answer.Trailer.Get("X-Got"); got != "a trailer" {
		return fmt.Errorf("got trailer %q", got)
	}
	return nil
}

func earlyHints() error {
	var hints atomic.Int64
	trace := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			if code == 103 && header.Get("Link") != "" {
				hints.Add(1)
			}
			return nil
		},
	})
	if err := send(http.DefaultClient, request(trace, "GET", "users", "/early", nil), "late\n"); err != nil {
		return err
	}
	if hints.Load() != 1 {
		return fmt.Errorf("%d early hints", hints.Load())
	}
	return nil
}

func timeout() error {
	client := &http.Client{Timeout: 100 * time.Millisecond, Transport: &http.Transport{}}
	if err := send(client, request(context.Background(), "GET", "users", "/wait?ms=1500", nil), ""); err == nil {
		return fmt.Errorf("there was an answer")
	}
	client.Timeout = 5 * time.Second
	return send(client, request(context.Background(), "GET", "users", "/hello", nil), "users hello\n")
}
