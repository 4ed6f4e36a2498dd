// Go's net/http on unix sockets. `serve PATH` is a service; `ask PATH` a client that checks itself and prints "ok NAME" or "not ok NAME: why"
// for each check, and at the end how many there were.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
)

func serve(path string) {
	listener, err := net.Listen("unix", path)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			io.Copy(w, r.Body)
			return
		}
		fmt.Fprintf(w, "Go got %s of %s\n", r.URL.Path, r.Host)
	})))
}

// A client whose every connection goes to the socket, and which counts them.
func client(path string) (*http.Client, *int) {
	var lock sync.Mutex
	opened := 0
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		lock.Lock()
		opened++
		lock.Unlock()
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 20}}, &opened
}

func send(client *http.Client, wanted string, url string, body []byte) error {
	method := "GET"
	if body != nil {
		method = "POST"
	}
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 || string(got) != wanted {
		return fmt.Errorf("got %d %.80q, %v", answer.StatusCode, got, err)
	}
	return nil
}

func kept(path string) error {
	client, opened := client(path)
	for range 200 {
		if err := send(client, "Go got /page of go\n", "http://go/page", nil); err != nil {
			return err
		}
	}
	if *opened != 1 {
		return fmt.Errorf("%d connections", *opened)
	}
	return nil
}

func together(path string) error {
	client, _ := client(path)
	large := bytes.Repeat([]byte("0123456789"), 100_000)
	var group sync.WaitGroup
	problems := make(chan error, 400)
	for range 20 {
		group.Go(func() {
			for _, name := range []string{"go", "gunicorn"} {
				problems <- send(client, string(large), "http://"+name+"/", large)
			}
		})
	}
	group.Wait()
	close(problems)
	for err := range problems {
		if err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if os.Args[1] == "serve" {
		serve(os.Args[2])
	}
	checks := []struct {
		name string
		run  func(path string) error
	}{
		{"asks 200 times over one kept connection", kept},
		{"sends 1 MB and gets it back, 20 at once, to two services", together},
	}
	for _, check := range checks {
		if err := check.run(os.Args[2]); err != nil {
			fmt.Printf("not ok %s: %v\n", check.name, err)
		} else {
			fmt.Printf("ok %s\n", check.name)
		}
	}
	fmt.Println(len(checks), "checks")
}
