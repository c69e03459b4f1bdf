using System.Buffers;
using Chasqui.Engines.Http;
using Chasqui.Gateway.Telemetry;

namespace Chasqui.Server;

/// <summary>
/// A streamed answer on its way past: passes on whole lines or events alone, so that what a node leaves unfinished never stands before the error that follows, and knows
/// whether the answer came to its end. For one answer; to be disposed.
/// </summary>
/// <remarks>
/// The same rule holds where a stream is read and translated (<c>OpenAiStream</c>, <c>SseReader</c>). An answer is whole when the node has said why it is over, for each choice that was asked for;
/// <c>[DONE]</c> alone says nothing, so a stream that ends with it and without a reason has failed. The last line or event counts without its own end where its data is whole JSON, or <c>[DONE]</c>; what was
/// cut off within does not. Behind the end nothing is a part of the answer.
/// </remarks>
/// <param name="isLines">Ollama's lines; else server-sent events.</param>
/// <param name="choices">How many answers were asked for; null where that is not known.</param>
/// <param name="remembers">Whether what was passed on is kept, so that another node can go on with it.</param>
/// <param name="usage">Told what counts tokens.</param>
/// <param name="measure">Told what text was passed on; null where nothing is measured.</param>
/// <param name="hidesUsage">Whether the gateway asked for the count of tokens, and the client did not: the event that has nothing else is kept from it.</param>
internal sealed class PassedStream(bool isLines, int? choices, bool remembers, UsageReader usage, RequestMeasure? measure = null, bool hidesUsage = false) : IDisposable
{
    // An event that is longer goes on as it comes, and is not read.
    private const int MaxHeld = 1 << 20;

    // About a thousand tokens to 64 KiB; an answer that is longer is passed on all the same, but not gone on with.
    private const int MaxRemembered = 512 << 10;

    private readonly PooledBytes _held = new(MaxHeld);
    private readonly PooledBytes? _sent = remembers ? new(MaxRemembered) : null;
    private readonly ArrayBufferWriter<byte> _joined = new();
    private SseFrames _frames;
    private byte[]? _error;
    private bool _begun;
    private bool _spills;
    private bool _blind;
    private bool _isDone;
    private bool _mute;

    /// <summary>What was passed on; null where that is not known any more.</summary>
    public ReadOnlyMemory<byte>? Sent => _sent is { IsGone: false } ? _sent.Memory : default(ReadOnlyMemory<byte>?);

    /// <summary>Parts of the answer that were passed on, about its tokens.</summary>
    public int Parts { get; private set; }

    /// <summary>How often the node said why its answer, or one of its choices, is over.</summary>
    public int Finishes { get; private set; }

    /// <summary>Whether the answer is whole, whatever may follow: as many choices are over as were asked for.</summary>
    public bool IsWhole => IsEnded || (choices is { } wanted && Finishes >= wanted);

    /// <summary>Whether the stream has come to its end.</summary>
    public bool IsEnded { get; private set; }

    /// <summary>Whether more came behind the end, which was not passed on.</summary>
    public bool HasSurplus { get; private set; }

    /// <summary>Passes a part on, but for what is not whole yet at its end.</summary>
    /// <returns>Whether it brought a part of the answer. A comment, or a part of an event, says only that the node lives.</returns>
    /// <exception cref="EngineFailedException">The node gives the answer up, in its own words.</exception>
    public bool Write(IBufferWriter<byte> to, ReadOnlySpan<byte> part)
    {
        var before = Parts;
        while (!part.IsEmpty && !_mute)
        {
            var end = isLines ? part.IndexOf((byte)'\n') + 1 : _frames.Next(part);
            if (end <= 0)
            {
                Hold(to, part);
                break;
            }
            var frame = part[..end];
            part = part[end..];
            if (_spills)
            {
                measure?.Passed(frame.Length);
                to.Write(frame);
                _spills = false;
            }
            else if (_held.Length == 0)
            {
                Pass(to, frame, part);
            }
            else if (_held.TryAdd(frame))
            {
                try
                {
                    Pass(to, _held.Span, part);
                }
                finally
                {
                    _held.Cut(0);
                }
            }
            else
            {
                Spill(to);
                if (!_mute)
                    to.Write(frame);
                _spills = false;
            }
        }
        return Parts > before || _spills || (_held.Length > 0 && (isLines || _held.Span[0] != (byte)':'));
    }

    /// <summary>There is no more.</summary>
    /// <param name="to">The client.</param>
    /// <param name="node">The node's name.</param>
    /// <exception cref="EngineFailedException">The answer has no end: the node said why, or nothing.</exception>
    public void Complete(IBufferWriter<byte> to, string node)
    {
        // The last line or event may do without its own end. A client that keeps to the standard passes over an event without its empty line.
        HasSurplus |= IsEnded && _held.Length > 0;
        if (_held.Length > 0 && !IsEnded && HoldsWhole())
        {
            byte[] last = [.. _held.Span, .. isLines || _held.Span[^1] is (byte)'\n' or (byte)'\r' ? "\n"u8 : "\n\n"u8];
            _held.Cut(0);
            Pass(to, last, default);
        }
        if (!IsEnded && !_blind && Finishes < (choices ?? 1))
            throw new EngineFailedException($"node {node} ended its answer without a result");
    }

    /// <summary>The node broke off, or was told to, when the answer was whole: says what a client still waits for.</summary>
    /// <param name="to">The client.</param>
    /// <param name="path">The path that was asked for.</param>
    public void End(IBufferWriter<byte> to, string path)
    {
        if (IsEnded || isLines)
            return;
        if (_spills)
            to.Write("\n\n"u8);
        else if (_held.Length > 0 && HoldsWhole() && !(hidesUsage && UsageEvent.IsAlone(_held.Span)))
            to.Write([.. _held.Span, .. "\n\n"u8]);
        to.Write(path switch
        {
            "/v1/chat/completions" or "/v1/completions" => "data: [DONE]\n\n"u8,
            "/v1/messages" => "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"u8,
            _ => default,
        });
    }

    /// <summary>The node broke off, and no other one goes on: what it left must not swallow the error that follows.</summary>
    /// <returns>Whether the client was told the error in the node's own words, so that none follows.</returns>
    public bool BreakOff(IBufferWriter<byte> to)
    {
        if (_spills || (_held.Length > 0 && HoldsWhole()))
        {
            to.Write(_held.Span);
            to.Write(isLines ? "\n"u8 : "\n\n"u8);
        }
        if (_error is null)
            return false;
        to.Write(_error);
        return true;
    }

    public void Dispose()
    {
        _held.Dispose();
        _sent?.Dispose();
    }

    private void Pass(IBufferWriter<byte> to, ReadOnlySpan<byte> frame, ReadOnlySpan<byte> rest)
    {
        // A client that heard a sign of life before would take the mark for a part of the first event.
        if (!_begun)
            frame = SseEvent.WithoutMark(frame);
        _begun = true;
        if (IsEnded && !MayFollow(frame))
        {
            HasSurplus = true;
            return;
        }
        var sign = SignOf(frame, out var json);
        if ((sign & StreamSign.Error) != 0)
        {
            // Without it, where another node goes on.
            _error = [.. frame, .. rest];
            throw new EngineFailedException(PassedAnswer.ErrorOf(json.ToArray()));
        }
        if (sign == StreamSign.End && !_blind && Finishes < (choices ?? 1))
            throw new EngineFailedException("the node ended its answer without a result: it said [DONE] before it said why the answer is over");
        if (sign != StreamSign.None)
        {
            Parts++;
            Finishes += (sign & StreamSign.Finish) != 0 ? 1 : 0;
            IsEnded |= (sign & StreamSign.End) != 0;
            _isDone |= sign == StreamSign.End;
            if ((sign & StreamSign.Usage) != 0)
                usage.Take(json);
            measure?.Passed(PassedText.BytesOf(json));
        }
        if (hidesUsage && (sign & StreamSign.Usage) != 0)
        {
            if (UsageEvent.IsAlone(json))
                return;
            var nothing = UsageEvent.NothingIn(frame);
            to.Write(frame[..nothing.Start]);
            to.Write(frame[nothing.End..]);
        }
        else
        {
            to.Write(frame);
        }
        if (_sent is { IsGone: false } && !_sent.TryAdd(frame))
            _sent.Dispose();
    }

    /// <summary>Whether a line or event may stand behind the end: what says nothing, and once the word for the end, which some servers say behind the last event of a response.</summary>
    private bool MayFollow(ReadOnlySpan<byte> frame)
    {
        if (frame[0] is (byte)':' or (byte)'\r' or (byte)'\n')
            return true;
        var isWord = !isLines && !_isDone && SignOf(frame, out _) == StreamSign.End;
        _isDone |= isWord;
        return isWord;
    }

    private StreamSign SignOf(ReadOnlySpan<byte> frame, out ReadOnlySpan<byte> json)
    {
        if (isLines)
        {
            json = frame;
            return StreamSigns.OfLine(frame);
        }
        var read = SseEvent.Read(frame, _joined);
        json = read.Data;
        return StreamSigns.OfEvent(read);
    }

    /// <summary>Whether what has no end of its own is a whole line or event all the same.</summary>
    private bool HoldsWhole()
    {
        if (isLines)
            return StreamSigns.IsWhole(_held.Span);
        var read = SseEvent.Read(_held.Span, _joined);
        return read.HasData && StreamSigns.IsWhole(read.Data);
    }

    private void Hold(IBufferWriter<byte> to, ReadOnlySpan<byte> part)
    {
        if (_spills || !_held.TryAdd(part))
        {
            Spill(to);
            if (_mute)
                return;
            to.Write(part);
            measure?.Passed(part.Length);
        }
    }

    private void Spill(IBufferWriter<byte> to)
    {
        if (IsEnded)
        {
            // However long it is, it goes nowhere.
            (HasSurplus, _mute) = (true, true);
            _held.Cut(0);
            return;
        }
        measure?.Passed(_held.Length);
        to.Write(_held.Span);
        _held.Cut(0);
        (_spills, _blind, _begun) = (true, true, true);
        _sent?.Dispose();
    }
}
