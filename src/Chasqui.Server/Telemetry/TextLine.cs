using System.Buffers;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>A line for people: time, level where it is no mere information, text, the request's id.</summary>
internal static class TextLine
{
    public static void Write<TState>(ArrayBufferWriter<byte> line, in LineEntry<TState> entry, TimeProvider time)
    {
        time.GetLocalNow().TryFormat(line.GetSpan(16), out var written, "HH:mm:ss ", System.Globalization.CultureInfo.InvariantCulture);
        line.Advance(written);
        line.Write(entry.Level switch
        {
            LogLevel.Warning => "warning: "u8,
            LogLevel.Error => "error: "u8,
            LogLevel.Critical => "critical: "u8,
            _ => default,
        });
        Span<byte> buffer = stackalloc byte[RequestEntry.MaxBytes];
        var text = entry.Text(buffer, out var oneLine);
        if (oneLine)
            line.Write(text);
        else
            OneLine(line, text);
        if (RequestContext.Current is { } request)
        {
            line.Write(" ["u8);
            Encoding.UTF8.GetBytes(request.RequestId, line);
            line.Write("]"u8);
        }

        if (entry.Exception is { } exception)
        {
            // Indented, so that no line of it can be taken for an entry.
            foreach (var part in exception.ToString().Split('\n'))
            {
                line.Write("\n  "u8);
                OneLine(line, Encoding.UTF8.GetBytes(part));
            }
        }
    }

    /// <summary>Runs of control characters become one space: what others wrote can neither begin a line nor move a cursor.</summary>
    private static void OneLine(ArrayBufferWriter<byte> line, ReadOnlySpan<byte> text)
    {
        var space = false;
        for (var i = 0; i < text.Length; i++)
        {
            // Those beyond ASCII are U+0080 to U+009F, in UTF-8 C2 80 to C2 9F.
            var wide = text[i] == 0xC2 && i + 1 < text.Length && text[i + 1] is >= 0x80 and <= 0x9F;
            if (text[i] is >= 0x20 and not 0x7F && !wide)
            {
                if (space)
                    line.Write(" "u8);
                space = false;
                line.Write(text.Slice(i, 1));
                continue;
            }

            space = true;
            if (wide)
                i++;
        }
    }
}
