/** Tells its clocks when asked. */
public class Clocks {
	public static void main(String[] args) throws java.io.IOException {
		while (System.in.read() >= 0) {
			java.time.Instant now = java.time.Instant.now();
			System.out.println(now.getEpochSecond() * 1_000_000_000L + now.getNano() + " " + System.currentTimeMillis() * 1_000_000L + " " + System.nanoTime());
		}
	}
}
