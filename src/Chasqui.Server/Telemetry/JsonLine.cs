using System.Buffers;
using System.Diagnostics;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>A JSON object for programs: <c>time</c>, <c>level</c>, <c>category</c>, <c>message</c>, and where there are <c>requestId</c>, <c>traceId</c>, <c>spanId</c>,
/// <c>fields</c> and <c>exception</c>.</summary>
internal static class JsonLine
{
    private static readonly JsonWriterOptions _options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    [ThreadStatic]
    private static Utf8JsonWriter? _writer;

    public static void Write<TState>(ArrayBufferWriter<byte> line, in LineEntry<TState> entry, TimeProvider time)
    {
        Span<byte> buffer = stackalloc byte[RequestEntry.MaxBytes];
        var text = entry.Text(buffer, out _);
        var json = _writer ??= new Utf8JsonWriter(line, _options);
        json.Reset(line);
        json.WriteStartObject();
        json.WriteString("time"u8, time.GetUtcNow());
        json.WriteString("level"u8, Name(entry.Level));
        json.WriteString("category"u8, entry.Category);
        json.WriteString("message"u8, text);
        if (RequestContext.Current is { } request)
            json.WriteString("requestId"u8, request.RequestId);
        if (Activity.Current is { } span)
        {
            json.WriteString("traceId"u8, span.TraceId.ToHexString());
            json.WriteString("spanId"u8, span.SpanId.ToHexString());
        }

        if (entry.State is IReadOnlyList<KeyValuePair<string, object?>> fields)
            Fields(json, fields);
        if (entry.Exception is { } exception)
            json.WriteString("exception"u8, exception.ToString());
        json.WriteEndObject();
        json.Flush();
    }

    private static void Fields(Utf8JsonWriter json, IReadOnlyList<KeyValuePair<string, object?>> fields)
    {
        json.WriteStartObject("fields"u8);
        for (var i = 0; i < fields.Count; i++)
        {
            var (name, value) = fields[i];
            switch (value)
            {
                // The template says nothing that the message does not.
                case null or "":
                case not null when name == "{OriginalFormat}":
                    break;
                case int number:
                    json.WriteNumber(name, number);
                    break;
                case long number:
                    json.WriteNumber(name, number);
                    break;
                case double number when double.IsFinite(number):
                    json.WriteNumber(name, number);
                    break;
                case bool truth:
                    json.WriteBoolean(name, truth);
                    break;
                default:
                    json.WriteString(name, Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture));
                    break;
            }
        }

        json.WriteEndObject();
    }

    private static ReadOnlySpan<byte> Name(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace"u8,
        LogLevel.Debug => "debug"u8,
        LogLevel.Information => "information"u8,
        LogLevel.Warning => "warning"u8,
        LogLevel.Error => "error"u8,
        _ => "critical"u8,
    };
}
