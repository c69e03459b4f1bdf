using System.Buffers.Binary;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;

namespace Chasqui.Transport;

/// <summary>What each frame does. Called by the read loop alone; the gate is taken for each frame. Breaches of the protocol are thrown.</summary>
internal sealed class FrameHandlers(Connection connection, ConnectionRole role)
{
    private const int Remembered = 64;
    private const int EntriesAtOnce = 32;

    private readonly MessageIntake _messages = new(connection);
    private readonly uint _peerParity = role == ConnectionRole.Connector ? 0u : 1u;
    private uint[]? _ended;
    private int _endedAt;
    private HeaderDecoder? _decoder;
    private uint _lastPeer;
    private uint _lastAccepted;
    private bool _begun;
    private TokenBucket? _cancelled;
    private TokenBucket? _control;

    internal uint LastPeerStream => Volatile.Read(ref _lastAccepted);

    private HeaderDecoder Decoder => _decoder ??=
        new HeaderDecoder(null, (int)connection.Options.Settings.HeaderTable, (int)connection.Options.Settings.MaxHeaderList);

    /// <summary>Recognises a stranger by its first bytes, of which there are at least four.</summary>
    internal void CheckBeginning(ReadOnlySpan<byte> bytes)
    {
        if (BinaryPrimitives.ReadUInt32BigEndian(bytes) == FrameHeader.Magic)
            return;
        if (!_begun && role == ConnectionRole.Acceptor && HttpHint.LooksLikeHttp(bytes))
        {
            lock (connection.Gate)
                connection.Outbox.Frames.AppendRaw(HttpHint.Answer);
        }

        throw new ProtocolException(ErrorCode.BadMagic, "a frame begins with 4D435001");
    }

    internal void CheckHeader(in FrameHeader header)
    {
        _begun = true;
        var type = header.Type;
        var limit = connection.Options.Settings.MaxFrame;
        if (connection.Peer is null)
        {
            if (type != FrameType.Hello && (type != FrameType.Goodbye || role == ConnectionRole.Acceptor))
                throw new ProtocolException(ErrorCode.ProtocolError, "the hello comes first");
            limit = Settings.MaxSize;
        }

        if (header.PayloadLength > limit)
            throw new ProtocolException(ErrorCode.FrameTooLarge, $"a frame of {header.PayloadLength} bytes, where {limit} are taken");
        if ((byte)type is > 8 and < 128)
            throw new ProtocolException(ErrorCode.UnknownType, $"frame type {(byte)type} is not known");
        var ofConnection = type is FrameType.Heartbeat or FrameType.Hello or FrameType.Batch or FrameType.Goodbye;
        if (ofConnection && header.Stream != 0)
            throw new ProtocolException(ErrorCode.ProtocolError, $"{type} belongs to stream 0");
        if (type is FrameType.Request or FrameType.Response or FrameType.Data or FrameType.Reset && header.Stream == 0)
            throw new ProtocolException(ErrorCode.ProtocolError, $"{type} does not belong to stream 0");
    }

    internal void Handle(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        switch (header.Type)
        {
            case FrameType.Request: OnRequest(header.Stream, payload); break;
            case FrameType.Response: OnResponse(header.Stream, payload); break;
            case FrameType.Heartbeat: OnHeartbeat(payload); break;
            case FrameType.Hello: OnHello(payload); break;
            case FrameType.Data: OnData(header.Stream, payload); break;
            case FrameType.Batch: OnBatch(payload); break;
            case FrameType.Reset: OnReset(header.Stream, payload); break;
            case FrameType.Credit: OnCredit(header.Stream, payload); break;
            case FrameType.Goodbye: OnGoodbye(payload); break;
            default: Control(); break;
        }
    }

    /// <summary>Remembers a stream that has ended in order, so that a frame after its END can be told from one that crossed a reset.</summary>
    internal void Remember(uint stream)
    {
        _ended ??= new uint[Remembered];
        _ended[_endedAt++ % Remembered] = stream;
    }

    private void OnHello(ReadOnlySpan<byte> payload)
    {
        if (connection.Peer is not null)
            throw Wrong("a second hello");
        connection.OnHello(Settings.Read(payload));
    }

    private void OnRequest(uint id, ReadOnlySpan<byte> payload)
    {
        if ((id & 1) != _peerParity)
            throw Wrong($"stream {id} is not the peer's to open");
        if (id <= _lastPeer)
            throw Wrong($"stream {id} comes after stream {_lastPeer}");
        _lastPeer = id;
        var head = StreamHead.Read(payload);
        var headers = Decode(head.Block, out var fits);
        var cost = Cost(head);
        IncomingCall? call;
        lock (connection.Gate)
        {
            call = connection.Accept(
                id, head.Priority, headers, fits ? ErrorCode.NoError : ErrorCode.HeadersTooLarge, $"more than {connection.Options.Settings.MaxHeaderList} bytes of headers");
            if (call is null)
            {
                connection.Flow.ArrivedForNobody(cost);
                return;
            }

            Volatile.Write(ref _lastAccepted, id);
            _messages.Take(call, head.Flags, head.Body, cost);
        }

        call.AfterFailed();
        if (call.IsOpen)
            connection.Run(call);
    }

    private void OnResponse(uint id, ReadOnlySpan<byte> payload)
    {
        if ((id & 1) == _peerParity)
            throw Wrong($"RESPONSE for stream {id}, which is the peer's own");
        var head = StreamHead.Read(payload);
        var headers = Decode(head.Block, out var fits);
        var cost = Cost(head);
        UnaryCall? done = null;
        Call? failed = null;
        lock (connection.Gate)
        {
            if (Find(id) is not { } call)
            {
                if (cost == 0)
                    Control();
                connection.Flow.ArrivedForNobody(cost);
                return;
            }

            if (call.RemoteEnded)
                throw MessageIntake.AfterEnd(id);
            if (call is UnaryCall { Headers: not null } or OutgoingCall { HasResponse: true })
                throw Wrong($"a second RESPONSE for stream {id}");
            if (!fits)
            {
                connection.Flow.ArrivedForNobody(cost);
                connection.Outbox.Frames.AppendReset(id, ErrorCode.HeadersTooLarge, "");
                connection.Fail(call, new StreamException(ErrorCode.HeadersTooLarge, $"more than {connection.Options.Settings.MaxHeaderList} bytes of headers"));
                failed = call;
            }
            else
            {
                if (call is UnaryCall unary)
                    unary.Headers = headers;
                else
                    ((OutgoingCall)call).OnResponse(headers);
                (done, failed) = _messages.Take(call, head.Flags, head.Body, cost);
            }
        }

        failed?.AfterFailed();
        done?.Complete();
    }

    private void OnData(uint id, ReadOnlySpan<byte> payload)
    {
        if (payload.Length == 0)
            throw Wrong("a DATA without flags");
        var flags = FrameFlagBits.Flags(payload[0]) & (FrameFlags.End | FrameFlags.More);
        DataFlags.Check(flags);
        OnMessage(id, flags, payload[1..]);
    }

    private void OnBatch(ReadOnlySpan<byte> payload)
    {
        // It costs no credit, so it must cost something else.
        if (payload.Length == 0)
            Control();
        var batch = new BatchReader(payload);
        for (var more = true; more && !connection.IsOver;)
        {
            UnaryCall? done = null;
            Call? failed = null;
            lock (connection.Gate)
            {
                // Entries are small: some are taken at once, but writers are not kept waiting for all.
                for (var entries = 0; entries < EntriesAtOnce && done is null && failed is null && (more = batch.Next()); entries++)
                {
                    if (batch.Stream == 0)
                        throw Wrong("an entry of a BATCH for stream 0");
                    (done, failed) = TakeMessage(batch.Stream, batch.End ? FrameFlags.End : FrameFlags.None, batch.Body);
                }
            }

            failed?.AfterFailed();
            done?.Complete();
        }
    }

    private void OnMessage(uint id, FrameFlags flags, ReadOnlySpan<byte> body)
    {
        UnaryCall? done;
        Call? failed;
        lock (connection.Gate)
            (done, failed) = TakeMessage(id, flags, body);
        failed?.AfterFailed();
        done?.Complete();
    }

    private (UnaryCall? Done, Call? Failed) TakeMessage(uint id, FrameFlags flags, ReadOnlySpan<byte> body)
    {
        // Nothing but an end costs nothing.
        var endsOnly = body.Length == 0 && (flags & FrameFlags.End) != 0;
        var cost = DataFlags.Cost(body.Length, endsOnly);
        if (Find(id) is not { } call)
        {
            if (endsOnly)
                Control();
            connection.Flow.ArrivedForNobody(cost);
            return (null, null);
        }

        if (call is UnaryCall { Headers: null } or OutgoingCall { HasResponse: false })
            throw Wrong($"DATA before the RESPONSE of stream {id}");
        return _messages.Take(call, endsOnly ? flags : flags | FrameFlags.Message, body, cost);
    }

    private void OnReset(uint id, ReadOnlySpan<byte> payload)
    {
        var (code, reason) = ControlPayload.ReadReset(payload);
        Control();
        Call? call;
        lock (connection.Gate)
        {
            CheckOpened(id);
            if (!connection.Calls.TryGetValue(id, out call))
                return;
            if (call is not IncomingCall && code == ErrorCode.NoError && call.RemoteEnded)
            {
                connection.OnStopSending(call);
                return;
            }

            connection.Fail(call, new StreamException(code, reason));
        }

        call.AfterFailed();
        if (call is not IncomingCall)
            return;
        var options = connection.Options;
        _cancelled ??= new TokenBucket(options.CancelledStreamsPerSecond, options.CancelledStreamsBurst, options.Time);
        if (!_cancelled.TryTake())
            throw new ProtocolException(ErrorCode.Flood, "too many streams are opened and cancelled");
    }

    private void OnCredit(uint id, ReadOnlySpan<byte> payload)
    {
        var increment = ControlPayload.ReadCredit(payload);
        lock (connection.Gate)
        {
            if (id != 0)
                CheckOpened(id);
            if (connection.Flow.CreditFrames > 0)
                connection.Flow.CreditFrames--;
            else
                Control();
            if (id == 0)
                connection.Flow.Granted(increment);
            else if (connection.Calls.TryGetValue(id, out var call))
                connection.Flow.Granted(call, increment);
        }
    }

    private void OnHeartbeat(ReadOnlySpan<byte> payload)
    {
        var (isAnswer, bytes) = ControlPayload.ReadHeartbeat(payload);
        Control();
        if (isAnswer)
            return;
        lock (connection.Gate)
        {
            if (connection.MaySend)
                connection.Outbox.Frames.AppendHeartbeat(isAnswer: true, bytes);
        }
    }

    private void OnGoodbye(ReadOnlySpan<byte> payload)
    {
        var (last, code, reason) = ControlPayload.ReadGoodbye(payload);
        Control();
        connection.OnGoodbye(last, code, reason);
    }

    /// <summary>Decoded in any case: the table must stay the same on both sides.</summary>
    private HeaderList Decode(ReadOnlySpan<byte> block, out bool fits)
    {
        var headers = new HeaderList();
        fits = Decoder.Decode(block, headers);
        return headers;
    }

    private static int Cost(in StreamHead head) => (head.Flags & FrameFlags.Message) != 0 ? DataFlags.Cost(head.Body.Length) : 0;

    /// <summary>The stream, or null if it is gone. A stream that never was is a breach, as is a frame after an END.</summary>
    private Call? Find(uint id)
    {
        if (connection.Calls.TryGetValue(id, out var call))
            return call;
        CheckOpened(id);
        if (_ended is not null && Array.IndexOf(_ended, id) >= 0)
            throw MessageIntake.AfterEnd(id);
        return null;
    }

    private void CheckOpened(uint id)
    {
        var opened = (id & 1) == _peerParity ? id <= _lastPeer : connection.HasOpened(id);
        if (id == 0 || !opened)
            throw Wrong($"stream {id} was never opened");
    }

    private void Control()
    {
        var options = connection.Options;
        _control ??= new TokenBucket(options.ControlFramesPerSecond, options.ControlFramesBurst, options.Time);
        if (!_control.TryTake())
            throw new ProtocolException(ErrorCode.Flood, "too many control frames");
    }

    private static ProtocolException Wrong(string reason) => new(ErrorCode.ProtocolError, reason);
}
