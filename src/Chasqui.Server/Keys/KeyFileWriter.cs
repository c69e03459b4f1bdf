using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Chasqui.Gateway;

namespace Chasqui.Server;

/// <summary>Writes the file of keys. What has its default is left out.</summary>
public static class KeyFileWriter
{
    internal const int Version = 1;

    private static readonly JsonWriterOptions _options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    internal static byte[] Write(IReadOnlyList<AccessKey> keys)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, _options))
        {
            json.WriteStartObject();
            json.WriteNumber("version", Version);
            json.WriteStartArray("keys");
            foreach (var key in keys)
            {
                json.WriteStartObject();
                Write(json, key);
                json.WriteString("hash", Convert.ToHexStringLower(key.Hash.Span));
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return [.. buffer.WrittenSpan, (byte)'\n'];
    }

    /// <summary>All but the hash, as members of an object that was begun.</summary>
    public static void Write(Utf8JsonWriter json, AccessKey key)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(key);
        var caller = key.Caller;
        json.WriteString("id", key.Id);
        json.WriteString("name", caller.Name);
        json.WriteString("created", key.Created);
        if (key.Expires is { } expires)
            json.WriteString("expires", expires);
        if (caller.Tenant.Length > 0)
            json.WriteString("tenant", caller.Tenant);
        if (caller.Weight != 1)
            json.WriteNumber("weight", caller.Weight);
        if (caller.Priority != PriorityClass.Normal)
            json.WriteString("priority", KeyFields.Name(caller.Priority));
        if (caller.MostUrgent != PriorityClass.Interactive)
            json.WriteString("most_urgent", KeyFields.Name(caller.MostUrgent));
        Number(json, "requests_per_minute", caller.Limit.RequestsPerMinute);
        Number(json, "request_burst", caller.Limit.RequestBurst);
        Number(json, "tokens_per_minute", caller.Limit.TokensPerMinute);
        Number(json, "token_burst", caller.Limit.TokenBurst);
        Number(json, "concurrency", caller.Concurrency);
        List(json, "scopes", ScopeNames.Of(caller.Scopes));
        if (caller.Models.Count > 0)
            List(json, "models", caller.Models);
    }

    private static void Number(Utf8JsonWriter json, string name, long? value)
    {
        if (value is { } number)
            json.WriteNumber(name, number);
    }

    private static void List(Utf8JsonWriter json, string name, IReadOnlyList<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }
}
