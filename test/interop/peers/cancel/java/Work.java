import java.util.concurrent.Callable;

/** 60 steps of 50 ms, or fewer when nobody wants it any more. */
class Work {
  static void say(String id, String what) {
    System.out.print(id + " " + what + " " + System.currentTimeMillis() + "\n");
    System.out.flush();
  }

  /** {@code unwanted} is asked at each step; what it throws says the same. */
  static void work(String id, Callable<Boolean> unwanted) {
    say(id, "begun");
    for (var step = 0; step < 60; step++) {
      if (asked(unwanted)) {
        say(id, "told");
        break;
      }
      rest();
    }
    say(id, "ended");
  }

  private static boolean asked(Callable<Boolean> unwanted) {
    try {
      return unwanted.call();
    } catch (Exception e) {
      return true;
    }
  }

  private static void rest() {
    try {
      Thread.sleep(50);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
