import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.LocalDate;
import java.util.Base64;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A client that behaves as the deployed one does, faults included: written from the description of its protocol.
 *
 * <p>The headers of earlier calls are sent again; the timestamp is that of the constructor; sendEdoc goes another way
 * than everything else; an answer that is no JSON is an empty list.
 */
final class VxpClient {
    private static final byte[] EMPTY_OBJECT = "{}".getBytes(StandardCharsets.US_ASCII);

    private final String endpoint;
    private final String secret;
    private final Map<String, String> headers = new HashMap<>();
    final Wire wire;

    VxpClient(String endpoint, String systemId, String secret) {
        this.endpoint = endpoint;
        this.secret = secret;
        this.wire = new Wire(endpoint);
        headers.put("systemid", systemId);
        headers.put("timestamp", Signature.timestamp(new Date()));
    }

    /** Null: the caller gets nothing, and thinks that it failed. All members null: the reply was not understood. */
    Map<String, Object> sendEdoc(Map<String, String> given, Path file) throws IOException, GeneralSecurityException {
        byte[] octets = Files.readAllBytes(file);
        headers.put("hash-file", Signature.hashOfFile(octets));
        Map<String, String> signed = signed(given, "application/octet-stream");
        HttpURLConnection connection =
            (HttpURLConnection) URI.create(endpoint + "/sendEdoc").toURL().openConnection(java.net.Proxy.NO_PROXY);
        connection.setDoOutput(true);
        connection.setUseCaches(false);
        connection.setRequestMethod("POST");
        connection.setRequestProperty("Content-Type", "application/octet-stream");
        signed.forEach(connection::setRequestProperty);
        try (OutputStream out = connection.getOutputStream()) {
            out.write(octets);
            out.write(new byte[] {'\r', '\n'});
        }
        String body;
        try {
            body = bodyOf(connection);
        } catch (IOException | NullPointerException nothing) {
            return null;
        }
        Map<String, Object> result = new LinkedHashMap<>();
        for (String name : List.of("status", "ErrorCode", "ErrorDesc", "DocId")) {
            result.put(name, null);
        }
        try {
            Map<?, ?> reply = (Map<?, ?>) Json.parse(body);
            Map<String, Object> read = new LinkedHashMap<>();
            for (String name : result.keySet()) {
                read.put(name, reply.get(name).toString()); // a member that is not there is the end of it
            }
            return read;
        } catch (RuntimeException misunderstood) {
            return result;
        }
    }

    private static String bodyOf(HttpURLConnection connection) throws IOException {
        int status = connection.getResponseCode();
        if (status == 200 || status == 201) {
            return read(connection.getInputStream(), StandardCharsets.US_ASCII);
        }
        String body = read(status >= 400 ? connection.getErrorStream() : null, Charset.defaultCharset());
        if (body.isEmpty()) {
            throw new NullPointerException("an empty body");
        }
        return body;
    }

    private static String read(InputStream stream, Charset charset) throws IOException {
        try (stream) {
            return new String(stream.readAllBytes(), charset);
        }
    }

    /** Every operation but sendEdoc. */
    Map<String, Object> call(String operation, Map<String, String> given, byte[] data)
            throws IOException, GeneralSecurityException {
        byte[] body = switch (operation) {
            case "getEdoc", "updateStatus", "countReceiveEdoc", "countReceiveStatus", "deleteAgency" -> EMPTY_OBJECT;
            case "registerAgency" -> data;
            default -> null;
        };
        String method = operation.equals("downloadEdoc") ? "GET" : "POST";
        Wire.Reply reply;
        try {
            reply = wire.call(method, operation, signed(given, "application/json"), body);
        } catch (IOException cut) {
            return null;
        }
        if (operation.equals("downloadEdoc")) {
            return stored(given, reply.body()); // whatever it is
        }
        Map<String, Object> result = new LinkedHashMap<>();
        try {
            Map<?, ?> read = (Map<?, ?>) Json.parse(new String(reply.body(), StandardCharsets.UTF_8));
            for (String name : List.of("status", "ErrorCode", "ErrorDesc")) {
                result.put(name, String.valueOf(read.get(name)));
            }
            take(operation, given, read, result);
        } catch (RuntimeException noJson) {
            result.clear();
            result.put("status", "OK");
            result.put("ErrorCode", "0");
            result.put("data", List.of());
        }
        return result;
    }

    private void take(String operation, Map<String, String> given, Map<?, ?> read, Map<String, Object> result)
            throws IOException {
        if (operation.startsWith("count")) {
            result.put("count", ((Double) read.get("count")).intValue());
        } else if (operation.equals("getEdoc") && "OK".equals(read.get("status"))) {
            result.putAll(stored(given, Base64.getDecoder().decode((String) read.get("data"))));
        } else if (operation.endsWith("List") || operation.endsWith("QD20") || operation.endsWith("Unit")) {
            try {
                result.put("data", List.copyOf((List<?>) read.get("data")));
            } catch (NullPointerException missing) {
                result.put("status", "OK"); // printed, and then forgotten
            }
        }
    }

    /** filePath/yyyy/M/docId.edxml; a name that is no file name fails quietly. */
    private static Map<String, Object> stored(Map<String, String> given, byte[] octets) {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("status", "OK");
        result.put("ErrorCode", "0");
        String docId = given.getOrDefault("docId", given.get("docid"));
        LocalDate today = LocalDate.now();
        try {
            Path folder = Path.of(given.get("filePath"), "" + today.getYear(), "" + today.getMonthValue());
            Files.createDirectories(folder);
            result.put("file", Files.write(folder.resolve(docId + ".edxml"), octets).toString());
        } catch (IOException quiet) {
            result.put("file", null);
        }
        return result;
    }

    private Map<String, String> signed(Map<String, String> given, String contentType) throws GeneralSecurityException {
        headers.putAll(given);
        headers.put("Content-Type", contentType);
        Map<String, String> all = new LinkedHashMap<>();
        Signature.sign(headers, all, secret);
        return all;
    }

    /** Arguments: endpoint, system id, secret. One JSON object a line in, one out; the object lives as long as we. */
    public static void main(String[] arguments) throws Exception {
        VxpClient client = new VxpClient(arguments[0], arguments[1], arguments[2]);
        for (String line : (Iterable<String>) new java.io.BufferedReader(
                new java.io.InputStreamReader(System.in, StandardCharsets.UTF_8)).lines()::iterator) {
            Map<?, ?> order = (Map<?, ?>) Json.parse(line);
            Map<String, String> given = new HashMap<>();
            ((Map<?, ?>) order.get("header")).forEach((name, value) -> given.put((String) name, (String) value));
            String operation = (String) order.get("operation");
            String data = (String) order.get("data");
            Map<String, Object> result = operation.equals("sendEdoc")
                ? client.sendEdoc(given, Path.of(data))
                : client.call(operation, given, data == null ? null : data.getBytes(StandardCharsets.UTF_8));
            Map<String, Object> said = new LinkedHashMap<>();
            said.put("result", result);
            said.put("sent", client.wire.sent);
            System.out.println(Json.write(said));
        }
    }
}
