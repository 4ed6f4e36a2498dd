// Go's net/http in tunnels through fairlead. Arguments: host:port of a router that takes CONNECT, of one that does not, and the file with
// the certificate of "secure".
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
)

func client(proxy string) *http.Client {
	pem, err := os.ReadFile(os.Args[3])
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &http.Client{Transport: &http.Transport{
		Proxy:             http.ProxyURL(&url.URL{Scheme: "http", Host: proxy}),
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: true,
	}}
}

// Reads a page of "secure" and says in which protocol it came.
func read(client *http.Client, page string) (int, string, error) {
	answer, err := client.Get("https://secure/" + page)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return len(body), answer.Proto, err
}

func twentyTunnels() error {
	var group sync.WaitGroup
	problems := make(chan error, 20)
	for range 20 {
		group.Go(func() {
			if size, _, err := read(client(os.Args[1]), "big"); err != nil || size != 10_000_000 {
				problems <- fmt.Errorf("%d bytes, %v", size, err)
			}
		})
	}
	group.Wait()
	close(problems)
	return <-problems
}

func http2() error {
	if _, proto, err := read(client(os.Args[1]), "small"); err != nil || proto != "HTTP/2.0" {
		return fmt.Errorf("%s, %v", proto, err)
	}
	return nil
}

func refused() error {
	if _, _, err := read(client(os.Args[2]), "small"); err == nil || !strings.Contains(err.Error(), "Not Implemented") {
		return fmt.Errorf("got %v", err)
	}
	return nil
}

func main() {
	checks := []struct {
		name string
		run  func() error
	}{
		{"reads 10 MB in each of 20 tunnels", twentyTunnels},
		{"agrees with the service on HTTP/2 in a tunnel", http2},
		{"is told why there is no tunnel", refused},
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
