using System.Text;
using Chasqui.Gateway.Scheduling;

namespace Chasqui.Gateway.Telemetry;

/// <summary>The tokens of a request, and who pays for them.</summary>
public sealed partial class RequestMeasure
{
    private AnswerTokens _tokens;
    private bool _isSettled;
    private bool _wasAsked;
    private bool _hasWork;

    /// <summary>Tokens of the prompt: counted by the node, else estimated; 0 before an answer has begun.</summary>
    public int InputTokens => _tokens.Input(_wasAsked);

    /// <summary>Tokens of the answer: counted by the node, else about as many as were passed on.</summary>
    public int OutputTokens => _tokens.Output;

    /// <summary>About how many tokens of the answer have been passed on so far.</summary>
    public int PassedTokens => _tokens.Passed;

    /// <summary>Tokens of the prompt, estimated by its length: they count where the node does not say how many there were.</summary>
    public int ExpectedTokens
    {
        get => _tokens.Expected;
        set => _tokens.Expected = value;
    }

    /// <summary>Who pays for it in the line for slots, where it stands for several callers; none where that is <see cref="Caller"/> alone.</summary>
    public IReadOnlyList<TicketShare> Sharers { get; set; } = [];

    /// <summary>
    /// For work that is done for several requests at once, of which this one stands for all: nodes, queues and spans are measured as if it were this one's, but it is no
    /// request of its own. This request may end first.
    /// </summary>
    /// <param name="pays">Whether it pays for this one: what was counted beforehand is settled when it ends, as it may go on without this one.</param>
    public RequestMeasure Share(bool pays = false)
    {
        var shared = new RequestMeasure(this);
        if (pays)
            (shared.Admission, Admission) = (Admission, null);
        return shared;
    }

    /// <summary>What was done for several requests at once was this one's too. Not before that has ended.</summary>
    public void Answered(RequestMeasure shared)
    {
        ArgumentNullException.ThrowIfNull(shared);
        (Node, Origin) = (shared.Node, shared.Origin);
        (QueueWait, QueueCause, QueuePosition) = (shared.QueueWait, shared.QueueCause, shared.QueuePosition);
    }

    /// <summary>It leaves an answer that is made for several: a node has worked for it all the same.</summary>
    public void Leaves(RequestMeasure shared)
    {
        ArgumentNullException.ThrowIfNull(shared);
        _hasWork = shared.Node is not null;
    }

    /// <summary>It reads an answer that is made for it and for others.</summary>
    public void Reads(RequestMeasure shared)
    {
        ArgumentNullException.ThrowIfNull(shared);
        if (_operation is null)
            (_operation, Model) = (shared._operation, shared.Model);
    }

    /// <summary>The tokens of prompt and answer as the node counts them; the last call counts.</summary>
    /// <param name="input">Of the prompt; 0 where the node does not say.</param>
    /// <param name="output">Of the answer; 0 where the node does not say.</param>
    /// <param name="isWhole">Whether the answer is whole; else it may have more tokens by now than were counted.</param>
    public void Tokens(int input, int output, bool isWhole = true) => _tokens.Count(input, output, isWhole);

    /// <summary>A piece of the answer is passed on.</summary>
    /// <param name="bytes">Bytes of its text; 0 for one that only says that the answer has begun.</param>
    public void Passed(long bytes) => _tokens.Pass(bytes);

    /// <summary>An update of the answer is passed on.</summary>
    public void Passed(GenerationUpdate update)
    {
        ArgumentNullException.ThrowIfNull(update);
        _tokens.Pass(Encoding.UTF8.GetByteCount(update.Text) + Encoding.UTF8.GetByteCount(update.Thinking) + (update.ToolCalls?.GetRawText().Length ?? 0));
    }

    /// <summary>So many tokens, about, of an answer that is made for several have been passed on to this one.</summary>
    public void PassedUpTo(int tokens) => _tokens.PassUpTo(tokens);

    /// <summary>
    /// The one place where an answer is settled, for limits, log and metrics: by what the node counted, else by what was passed on. <see cref="Ended"/> implies it; further calls
    /// change nothing.
    /// </summary>
    /// <param name="outcome">How it ended.</param>
    public void Settle(RequestOutcome outcome)
    {
        if (_isSettled)
            return;
        _isSettled = true;
        // A node may have worked on the prompt for a client that has left before the first word.
        _wasAsked = (_hasWork || Node is not null) && (outcome == RequestOutcome.Cancelled || Error == "deadline");
        Admission?.Settle((long)InputTokens + OutputTokens);
    }
}
