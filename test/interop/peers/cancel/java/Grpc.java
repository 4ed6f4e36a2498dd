import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;

/** Work of 3 s on grpc-java, for the case `cancel`: Grpc PORT. */
class Grpc {
  static final Context.Key<String> ID = Context.key("id");

  /** A message as protoc would make it; it is empty. */
  static class Empty implements MethodDescriptor.Marshaller<Empty> {
    @Override
    public InputStream stream(Empty value) {
      return new ByteArrayInputStream(new byte[0]);
    }

    @Override
    public Empty parse(InputStream stream) {
      return this;
    }
  }

  public static void main(String[] args) throws Exception {
    var service = ServerServiceDefinition.builder("cancel.Work")
        .addMethod(method("context"), handler(observer -> {
          var context = Context.current();
          return context::isCancelled;
        }))
        // Set in the queue of the call's own events, which waits until the handler has returned.
        .addMethod(method("observer"), handler(observer -> ((ServerCallStreamObserver<Empty>) observer)::isCancelled))
        .addMethod(method("returned"), ServerCalls.asyncUnaryCall(Grpc::returned))
        .addMethod(method("plain"), handler(observer -> () -> false))
        .build();
    NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])))
        .addService(ServerInterceptors.intercept(service, new Ids()))
        .build().start().awaitTermination();
  }

  static MethodDescriptor<Empty, Empty> method(String name) {
    return MethodDescriptor.newBuilder(new Empty(), new Empty())
        .setType(MethodDescriptor.MethodType.UNARY)
        .setFullMethodName("cancel.Work/" + name)
        .build();
  }

  static ServerCallHandler<Empty, Empty> handler(Function<StreamObserver<Empty>, Callable<Boolean>> unwanted) {
    return ServerCalls.asyncUnaryCall((request, observer) -> {
      Work.work(ID.get(), unwanted.apply(observer));
      observer.onNext(request);
      observer.onCompleted();
    });
  }

  /** Returns at once, and works in a thread of its own. */
  static void returned(Empty request, StreamObserver<Empty> observer) {
    var left = new AtomicBoolean();
    ((ServerCallStreamObserver<Empty>) observer).setOnCancelHandler(() -> left.set(true));
    var id = ID.get();
    new Thread(() -> {
      Work.work(id, left::get);
      if (left.get()) return;
      observer.onNext(request);
      observer.onCompleted();
    }).start();
  }

  /** Metadata are not given to handlers, so they travel in the context. */
  static class Ids implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      var id = headers.get(Metadata.Key.of("id", Metadata.ASCII_STRING_MARSHALLER));
      return io.grpc.Contexts.interceptCall(Context.current().withValue(ID, id), call, headers, next);
    }
  }
}
