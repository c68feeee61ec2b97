import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.text.SimpleDateFormat;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Signs the headers of a request, digits and all, as the deployed client does. */
final class Signature {
    static final String PREFIX = "XroadVnpt-";

    private Signature() {
    }

    /** What stands behind the plus sign is milliseconds, not a zone. */
    static String timestamp(Date now) {
        return new SimpleDateFormat("ddMMyyyy'T'HHmmss'+'SSSS").format(now);
    }

    /** SHA-256 without the zero before a small octet: most files get fewer than 64 digits. */
    static String hashOfFile(byte[] file) throws GeneralSecurityException {
        StringBuilder digits = new StringBuilder();
        for (byte octet : MessageDigest.getInstance("SHA-256").digest(file)) {
            digits.append(Integer.toHexString(octet & 0xff));
        }
        return digits.toString();
    }

    /** The three headers that prove the others. */
    static void sign(Map<String, String> headers, Map<String, String> into, String secret)
            throws GeneralSecurityException {
        List<String> keys = new ArrayList<>();
        List<String> members = new ArrayList<>();
        headers.forEach((name, value) -> {
            keys.add(name);
            members.add(Json.quote(PREFIX + name, false) + ":" + Json.quote(value, false));
        });
        String message = "{" + String.join(",", members) + "}";
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        StringBuilder digits = new StringBuilder();
        for (byte octet : mac.doFinal(message.getBytes(StandardCharsets.UTF_8))) {
            digits.append(String.format("%02x", octet & 0xff));
        }
        headers.forEach((name, value) -> into.put(PREFIX + name, value));
        into.put(PREFIX + "sign-header-key", String.join(";", keys));
        into.put(PREFIX + "sign-header", message);
        into.put(PREFIX + "hash-header", digits.toString());
        into.put(PREFIX + "version", "3.0.201608");
        into.put("User-Agent", "JAVASDKAgent/1.0.0 XRoad/VPCP");
    }
}
