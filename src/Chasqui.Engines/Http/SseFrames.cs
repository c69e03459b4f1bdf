namespace Chasqui.Engines.Http;

/// <summary>
/// Finds where server-sent events end (the event stream of the HTML standard), in bytes that come cut anywhere. Lines end with CR, LF or both. A line of comment
/// between two events is a frame of its own, so that it never waits for an event. A mutable value: keep one for each stream.
/// </summary>
public struct SseFrames
{
    private bool _open;
    private int _first;
    private bool _afterReturn;

    /// <summary>How many bytes at the beginning are whole lines of comment, and empty ones.</summary>
    public static int EndOfComments(ReadOnlySpan<byte> bytes)
    {
        var at = 0;
        while (at < bytes.Length && bytes[at] is (byte)':' or (byte)'\r' or (byte)'\n')
        {
            var end = bytes[at..].IndexOfAny((byte)'\r', (byte)'\n');
            if (end < 0)
                break;
            at += end + 1;
        }
        return at;
    }

    /// <summary>Looks for the end of the next frame.</summary>
    /// <param name="bytes">What follows the bytes that were given before.</param>
    /// <returns>How many of the bytes belong to the frame that ends here; -1 where it does not end in them, and then all of them count as seen.</returns>
    public int Next(ReadOnlySpan<byte> bytes)
    {
        var at = 0;
        if (_afterReturn && bytes.Length > 0)
        {
            _afterReturn = false;
            if (bytes[0] == (byte)'\n')
            {
                // The second half of a line's end: what ended with the first half was given out already.
                if (!_open)
                    return 1;
                at = 1;
            }
        }
        while (true)
        {
            var rest = bytes[at..];
            var end = rest.IndexOfAny((byte)'\r', (byte)'\n');
            if (_first == 0 && rest.Length > 0 && end != 0)
                _first = rest[0] + 1;
            if (end < 0)
                return -1;
            var first = _first - 1;
            _first = 0;
            at += end + 1;
            if (rest[end] == (byte)'\r')
            {
                if (at == bytes.Length)
                    _afterReturn = true;
                else if (bytes[at] == (byte)'\n')
                    at++;
            }
            if (first < 0 || (first == ':' && !_open))
            {
                _open = false;
                return at;
            }
            _open |= first != ':';
        }
    }
}
