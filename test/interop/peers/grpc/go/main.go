// gRPC in Go: `grpc serve ADDRESS` serves the interop service with health and reflection, `grpc call ADDRESS CASE…` runs
// the cases that grpc-go itself publishes. Its own programs are not used: their server listens on every interface.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/interop"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/orca"
	"google.golang.org/grpc/reflection"
)

// Longer than any case may take; the case that is meant to time out has a limit of its own.
const limit = 20 * time.Second

type check func(context.Context, *grpc.ClientConn)

func onService(run func(context.Context, pb.TestServiceClient, ...grpc.CallOption)) check {
	return func(ctx context.Context, conn *grpc.ClientConn) { run(ctx, pb.NewTestServiceClient(conn)) }
}

var checks = map[string]check{
	"empty_unary":                 onService(interop.DoEmptyUnaryCall),
	"large_unary":                 onService(interop.DoLargeUnaryCall),
	"client_streaming":            onService(interop.DoClientStreaming),
	"server_streaming":            onService(interop.DoServerStreaming),
	"ping_pong":                   onService(interop.DoPingPong),
	"empty_stream":                onService(interop.DoEmptyStream),
	"timeout_on_sleeping_server":  onService(interop.DoTimeoutOnSleepingServer),
	"cancel_after_begin":          onService(interop.DoCancelAfterBegin),
	"cancel_after_first_response": onService(interop.DoCancelAfterFirstResponse),
	"status_code_and_message":     onService(interop.DoStatusCodeAndMessage),
	"special_status_message":      onService(interop.DoSpecialStatusMessage),
	"custom_metadata":             onService(interop.DoCustomMetadata),
	"unimplemented_method":        interop.DoUnimplementedMethod,
	"unimplemented_service": func(ctx context.Context, conn *grpc.ClientConn) {
		interop.DoUnimplementedService(ctx, pb.NewUnimplementedServiceClient(conn))
	},
	"rpc_soak": func(ctx context.Context, conn *grpc.ClientConn) {
		soak(ctx, func() (*grpc.ClientConn, func()) { return conn, func() {} })
	},
	"channel_soak": func(ctx context.Context, conn *grpc.ClientConn) {
		soak(ctx, func() (*grpc.ClientConn, func()) {
			own := dial(conn.Target())
			return own, func() { own.Close() }
		})
	},
}

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: grpc serve ADDRESS | call ADDRESS CASE…")
	}
	switch address, names := os.Args[2], os.Args[3:]; os.Args[1] {
	case "serve":
		serve(address)
	case "call":
		for _, name := range names {
			tell(address, name)
		}
		fmt.Printf("%d checks\n", len(names))
	case "case":
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		conn := dial(address)
		defer conn.Close()
		checks[names[0]](ctx, conn)
	}
}

// The interop functions end the process where they find something wrong, so each runs in its own.
func tell(address, name string) {
	if checks[name] == nil {
		fmt.Printf("not ok %s: there is no such case here\n", name)
		return
	}
	output, err := exec.Command(os.Args[0], "case", address, name).CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(output)), "\n")
		fmt.Printf("not ok %s: %v %s\n", name, err, strings.Join(lines[max(0, len(lines)-3):], " | "))
		return
	}
	fmt.Printf("ok %s\n", name)
}

func dial(address string) *grpc.ClientConn {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	return conn
}

// Four callers over one connection, or with a connection for each call; all 200 calls must succeed.
func soak(ctx context.Context, channel func() (*grpc.ClientConn, func())) {
	interop.DoSoakTest(ctx, interop.SoakTestConfig{
		RequestSize:                      10_000,
		ResponseSize:                     10_000,
		PerIterationMaxAcceptableLatency: 2 * time.Second,
		OverallTimeout:                   limit,
		NumWorkers:                       4,
		Iterations:                       200,
		ChannelForTest:                   channel,
	})
}

func serve(address string) {
	network := "tcp"
	if path, is := strings.CutPrefix(address, "unix:"); is {
		network, address = "unix", path
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(orca.CallMetricsServerOption(nil))
	pb.RegisterTestServiceServer(server, interop.NewTestServer())
	states := health.NewServer()
	states.SetServingStatus(pb.TestService_ServiceDesc.ServiceName, grpc_health_v1.HealthCheckResponse_SERVING)
	grpc_health_v1.RegisterHealthServer(server, states)
	reflection.Register(server)
	log.Fatal(server.Serve(listener))
}
