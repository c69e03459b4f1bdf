using System.Text;

namespace Chasqui.Server;

/// <summary>The mark that a text may begin with (a byte order mark of UTF-8): readers of JSON take it for an error.</summary>
internal static class TextMark
{
    /// <summary>Takes the mark away from the beginning of an answer.</summary>
    /// <param name="answer">Read from where its first part is shorter than a mark and may be the beginning of one.</param>
    /// <param name="first">Its first part.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What comes first then, empty where nothing comes, and how many bytes were taken away.</returns>
    public static async ValueTask<(ReadOnlyMemory<byte> First, int Removed)> RemoveAsync(IPassageAnswer answer, ReadOnlyMemory<byte> first, CancellationToken cancellationToken)
    {
        if (first.IsEmpty || first.Span[0] != Encoding.UTF8.Preamble[0])
            return (first, 0);
        while (first.Length < Encoding.UTF8.Preamble.Length && Encoding.UTF8.Preamble.StartsWith(first.Span))
        {
            // What was read is valid until the next read.
            byte[] begun = [.. first.Span];
            var more = await answer.ReadAsync(cancellationToken).ConfigureAwait(false);
            if (more.IsEmpty)
                return (begun, 0);
            first = (byte[])[.. begun, .. more.Span];
        }
        if (!first.Span.StartsWith(Encoding.UTF8.Preamble))
            return (first, 0);
        var length = Encoding.UTF8.Preamble.Length;
        return first.Length > length ? (first[length..], length) : (await answer.ReadAsync(cancellationToken).ConfigureAwait(false), length);
    }
}
