import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * HTTP as the Apache client of the deployed library speaks it: keeps its connection, waits for leave to send a body,
 * repeats a request whose connection was closed until it was sent three times, and keeps of each letter in a header
 * the low octet only.
 */
final class Wire {
    record Reply(int status, byte[] body) {
    }

    private static final int TIMES = 3;
    private static final int LEAVE_MILLISECONDS = 3000;

    private final URI endpoint;
    private Socket socket;
    private InputStream in;
    int sent;

    Wire(String endpoint) {
        this.endpoint = URI.create(endpoint);
    }

    /** Null body: none is sent, and for a POST its length is said to be 0. */
    Reply call(String method, String operation, Map<String, String> headers, byte[] body) throws IOException {
        for (int time = 1;; time++) {
            try {
                return once(method, operation, headers, body);
            } catch (IOException cut) {
                close();
                if (time == TIMES) {
                    throw cut;
                }
            }
        }
    }

    private Reply once(String method, String operation, Map<String, String> headers, byte[] body) throws IOException {
        if (socket == null) {
            socket = new Socket(endpoint.getHost(), endpoint.getPort());
            in = new BufferedInputStream(socket.getInputStream());
        }
        sent++;
        OutputStream out = socket.getOutputStream();
        out.write(head(method, operation, headers, body));
        out.flush();
        if (body != null) {
            String first = leave();
            if (first != null && !first.contains(" 100 ")) {
                return rest(first, true); // refused: the body stays here
            }
            if (first != null) {
                fields();
            }
            out.write(body);
            out.flush();
        }
        return rest(line(), false);
    }

    private byte[] head(String method, String operation, Map<String, String> headers, byte[] body) {
        StringBuilder head = new StringBuilder();
        head.append(method).append(' ').append(endpoint.getPath()).append('/').append(operation);
        head.append(" HTTP/1.1\r\n");
        headers.forEach((name, value) -> head.append(name).append(": ").append(value).append("\r\n"));
        head.append("Host: ").append(endpoint.getAuthority()).append("\r\nConnection: Keep-Alive\r\n");
        head.append("Accept-Encoding: gzip,deflate\r\n");
        if (body != null) {
            head.append("Content-Length: ").append(body.length).append("\r\nExpect: 100-continue\r\n");
        } else if (method.equals("POST")) {
            head.append("Content-Length: 0\r\n");
        }
        String whole = head.append("\r\n").toString();
        byte[] octets = new byte[whole.length()];
        for (int at = 0; at < octets.length; at++) {
            octets[at] = (byte) whole.charAt(at); // the low octet
        }
        return octets;
    }

    /** The first line that comes back before the body is sent; null: nothing in time, so it is sent without leave. */
    private String leave() throws IOException {
        socket.setSoTimeout(LEAVE_MILLISECONDS);
        try {
            return line();
        } catch (SocketTimeoutException silence) {
            return null;
        } finally {
            socket.setSoTimeout(0); // and from here on it waits for ever
        }
    }

    private Reply rest(String first, boolean closing) throws IOException {
        Map<String, String> fields = fields();
        byte[] body = body(fields);
        if (closing || "close".equalsIgnoreCase(fields.get("connection"))) {
            close();
        }
        return new Reply(Integer.parseInt(first.split(" ")[1]), body);
    }

    private byte[] body(Map<String, String> fields) throws IOException {
        if ("chunked".equalsIgnoreCase(fields.get("transfer-encoding"))) {
            ByteArrayOutputStream whole = new ByteArrayOutputStream();
            for (int size = chunk(); size > 0; size = chunk()) {
                whole.write(exactly(size));
                line();
            }
            line();
            return whole.toByteArray();
        }
        String length = fields.get("content-length");
        return length == null ? in.readAllBytes() : exactly(Integer.parseInt(length));
    }

    private int chunk() throws IOException {
        return Integer.parseInt(line().split(";")[0].trim(), 16);
    }

    private byte[] exactly(int length) throws IOException {
        byte[] octets = in.readNBytes(length);
        if (octets.length < length) {
            throw new IOException("the connection was closed in the middle of an answer");
        }
        return octets;
    }

    private Map<String, String> fields() throws IOException {
        Map<String, String> fields = new HashMap<>();
        for (String line = line(); !line.isEmpty(); line = line()) {
            String[] halves = line.split(":", 2);
            fields.put(halves[0].toLowerCase(Locale.ROOT), halves[1].trim());
        }
        return fields;
    }

    private String line() throws IOException {
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        for (int octet = in.read(); octet != '\n'; octet = in.read()) {
            if (octet < 0) {
                throw new IOException("the connection was closed before an answer");
            }
            if (octet != '\r') {
                read.write(octet);
            }
        }
        return read.toString(StandardCharsets.ISO_8859_1);
    }

    private void close() throws IOException {
        if (socket != null) {
            socket.close();
            socket = null;
        }
    }
}
