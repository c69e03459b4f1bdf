namespace Chasqui.Engines.Http1;

/// <summary>Takes a chunked body apart as it comes (RFC 9112, section 7.1). Pure, one byte at a time if need be.</summary>
internal struct Http1Chunks
{
    // A size of more digits is no chunk that anybody sends.
    private const int MaxSizeLine = 256;
    private const int MaxTrailer = 8 * 1024;

    private State _state;
    private long _left;
    private int _line;
    private bool _digits;

    private enum State
    {
        Size,
        Extension,
        SizeEnd,
        Data,
        DataReturn,
        DataEnd,
        TrailerStart,
        Trailer,
        TrailerEnd,
        LastEnd,
        Done,
    }

    /// <summary>Whether the whole body was taken.</summary>
    public readonly bool IsDone => _state == State.Done;

    /// <summary>Takes the next bytes.</summary>
    /// <param name="input">What has come and was not taken yet.</param>
    /// <param name="taken">How many of them were taken.</param>
    /// <returns>Where in the input data of the body is; empty when there is none yet.</returns>
    /// <exception cref="FormatException">They are no chunks.</exception>
    public Range Next(ReadOnlySpan<byte> input, out int taken)
    {
        for (taken = 0; taken < input.Length && _state != State.Done;)
        {
            if (_state == State.Data)
            {
                var start = taken;
                var size = (int)Math.Min(_left, input.Length - taken);
                _left -= size;
                taken += size;
                if (_left == 0)
                    _state = State.DataReturn;
                return start..taken;
            }
            Step(input[taken++]);
        }
        // What ends a chunk that was given out before is taken with the next one.
        return 0..0;
    }

    private void Step(byte b)
    {
        switch (_state)
        {
            case State.Size:
                SizeDigit(b);
                break;
            case State.Extension:
                if (b == '\r')
                    _state = State.SizeEnd;
                else if (++_line > MaxSizeLine)
                    throw new FormatException("the line of a chunk's size is too long");
                break;
            case State.SizeEnd:
                Expect(b, '\n', _left == 0 ? State.TrailerStart : State.Data);
                (_digits, _line) = (false, 0);
                break;
            case State.DataReturn:
                Expect(b, '\r', State.DataEnd);
                break;
            case State.DataEnd:
                Expect(b, '\n', State.Size);
                break;
            case State.TrailerStart:
                _state = b == '\r' ? State.LastEnd : State.Trailer;
                break;
            case State.Trailer:
                if (b == '\r')
                    _state = State.TrailerEnd;
                else if (++_line > MaxTrailer)
                    throw new FormatException("the trailer is too long");
                break;
            case State.TrailerEnd:
                Expect(b, '\n', State.TrailerStart);
                break;
            case State.LastEnd:
                Expect(b, '\n', State.Done);
                break;
        }
    }

    private void SizeDigit(byte b)
    {
        var digit = b is >= (byte)'0' and <= (byte)'9' ? b - '0' : (b | 0x20) is >= 'a' and <= 'f' ? (b | 0x20) - 'a' + 10 : -1;
        if (digit >= 0 && _left <= long.MaxValue >> 5)
        {
            _left = (_left << 4) | (uint)digit;
            _digits = true;
        }
        else if (_digits && b is (byte)'\r')
        {
            _state = State.SizeEnd;
        }
        else if (_digits && b is (byte)';' or (byte)' ' or (byte)'\t')
        {
            _state = State.Extension;
        }
        else
        {
            throw new FormatException("a chunk has no size");
        }
    }

    private void Expect(byte b, char expected, State next) =>
        _state = b == expected ? next : throw new FormatException("a chunk does not end where its size says");
}
