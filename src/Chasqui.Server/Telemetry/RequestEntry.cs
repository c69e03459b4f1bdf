using System.Collections;
using System.Globalization;
using System.Text.Unicode;
using Chasqui.Gateway.Telemetry;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>
/// The line of the log for one request: what was asked of which model, how it ended, what it took. Never what was said. It is its own state, so that a logger that
/// can write text gets it without a string between.
/// </summary>
internal readonly struct RequestEntry : IReadOnlyList<KeyValuePair<string, object?>>, IUtf8SpanFormattable
{
    /// <summary>Longest text that it makes, in bytes: method, path and model are clipped, and the rest is numbers.</summary>
    public const int MaxBytes = 1_024;

    private static readonly EventId _event = new(1, "RequestEnded");

    private readonly string _method;
    private readonly string _path;
    private readonly string _outcome;
    private readonly double _milliseconds;
    private readonly string _model;
    private readonly string _node;
    private readonly int _inputTokens;
    private readonly int _outputTokens;
    private readonly double _waited;
    private readonly string _waitedFor;

    /// <param name="method">Of HTTP; <c>MCP</c> for a call.</param>
    /// <param name="path">Printable and short.</param>
    /// <param name="outcome">A status, or the code of a reset.</param>
    /// <param name="measure">The request.</param>
    /// <param name="model">The model; empty for what <paramref name="measure"/> knows.</param>
    public RequestEntry(string method, string path, string outcome, RequestMeasure measure, string model = "")
    {
        _method = method;
        _path = path;
        _outcome = outcome;
        _milliseconds = measure.Elapsed.TotalMilliseconds;
        _model = Printable(model.Length > 0 ? model : measure.Model);
        _node = measure.Node?.Name ?? "";
        _inputTokens = measure.InputTokens;
        _outputTokens = measure.OutputTokens;
        _waited = measure.QueueWait.TotalMilliseconds;
        _waitedFor = measure.QueuePosition > 0 ? QueueEndpoint.Text(measure.QueueCause) : "";
    }

    public int Count => _waitedFor.Length > 0 ? 10 : 8;

    public KeyValuePair<string, object?> this[int index] => index switch
    {
        0 => new("Method", _method),
        1 => new("Path", _path),
        2 => new("Status", _outcome),
        3 => new("Milliseconds", Math.Round(_milliseconds, 3)),
        4 => new("Model", _model),
        5 => new("Node", _node),
        6 => new("PromptTokens", _inputTokens),
        7 => new("CompletionTokens", _outputTokens),
        8 => new("QueueMilliseconds", Math.Round(_waited, 3)),
        9 => new("WaitedFor", _waitedFor),
        _ => throw new ArgumentOutOfRangeException(nameof(index)),
    };

    public static void Log(ILogger logger, LogLevel level, RequestEntry entry) => logger.Log(level, _event, entry, null, static (entry, _) => entry.ToString());

    /// <summary>A caller's text as one line of bounded length.</summary>
    public static string Printable(string? text)
    {
        var clipped = Field.Clip(text ?? "");
        return clipped.AsSpan().ContainsAnyExceptInRange(' ', '~') && clipped.Any(char.IsControl)
            ? string.Concat(clipped.Select(c => char.IsControl(c) ? '?' : c))
            : clipped;
    }

    public bool TryFormat(Span<byte> utf8Destination, out int bytesWritten, ReadOnlySpan<char> format, IFormatProvider? provider)
    {
        var text = new Utf8.TryWriteInterpolatedStringHandler(8, 4, utf8Destination, CultureInfo.InvariantCulture, out _);
        text.AppendFormatted(_method);
        text.AppendLiteral(" ");
        text.AppendFormatted(_path);
        text.AppendLiteral(" ");
        text.AppendFormatted(_outcome);
        text.AppendLiteral(" ");
        text.AppendFormatted(_milliseconds, "0.0");
        text.AppendLiteral(" ms");
        if (_model.Length > 0)
        {
            text.AppendLiteral(", model ");
            text.AppendFormatted(_model);
            if (_node.Length > 0)
            {
                text.AppendLiteral(", node ");
                text.AppendFormatted(_node);
            }

            text.AppendLiteral(", ");
            text.AppendFormatted(_inputTokens);
            text.AppendLiteral(" prompt tokens, ");
            text.AppendFormatted(_outputTokens);
            text.AppendLiteral(" answer tokens");
        }

        if (_waitedFor.Length > 0)
        {
            text.AppendLiteral(", ");
            text.AppendFormatted(_waited, "0.0");
            text.AppendLiteral(" ms in line for a ");
            text.AppendFormatted(_waitedFor);
        }

        return Utf8.TryWrite(utf8Destination, CultureInfo.InvariantCulture, ref text, out bytesWritten);
    }

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[MaxBytes];
        return TryFormat(bytes, out var written, default, null) ? System.Text.Encoding.UTF8.GetString(bytes[..written]) : _path;
    }

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator()
    {
        for (var i = 0; i < Count; i++)
            yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
