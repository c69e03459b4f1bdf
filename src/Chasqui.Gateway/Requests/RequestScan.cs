using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Chasqui.Gateway.Requests;

/// <summary>
/// What routing needs to know of a request's body, read in one pass over its bytes, and where the members stand that may be rewritten. Members are
/// found as Go finds them: whatever their case and their escapes, and of equal ones the last counts. What has another type than it should is passed
/// over; to refuse it is the matter of whoever answers the request. Of one size whatever the body's, and taken from a pool: to be disposed, and not to be
/// used after that. Not thread-safe.
/// </summary>
public sealed class RequestScan : IDisposable
{
    private const int MaxPooled = 512;
    private const int UsualPlaces = 16;

    private static readonly ConcurrentQueue<RequestScan> _pool = new();
    private static int _pooled;

    private int _rented;

    private RequestScan()
    {
    }

    /// <summary>The body that was read. The same bytes; they must not change while the scan is used.</summary>
    public ReadOnlyMemory<byte> Body { get; private set; }

    /// <summary>The language that it was read in.</summary>
    public Dialects Dialect { get; private set; }

    /// <summary>The model, as the client spells it; null where none is named.</summary>
    public string? Model { get; internal set; }

    /// <summary>Whether a stream is asked for; null where nothing is said.</summary>
    public bool? Stream { get; internal set; }

    /// <summary>Whether a node can be asked to count the tokens of the stream, which the client does not ask for. OpenAI's API alone needs to be asked.</summary>
    public bool LacksUsage => Dialect == Dialects.OpenAi && Stream == true && Model is not null && Usage is UsageWish.Unsaid or UsageWish.Unwanted;

    internal UsageWish Usage { get; set; }

    /// <summary>Whether it says how long the model is to stay in memory.</summary>
    public bool SaysKeepAlive => Places.Exists(static place => place.Member == Rewritable.KeepAlive);

    /// <summary>What the body says of the session that the request is a turn of, as JSON; empty for nothing.</summary>
    public ReadOnlyMemory<byte> Session { get; internal set; }

    /// <summary>The most tokens that are wanted, as said: Ollama's <c>num_predict</c> may be negative; null where nothing is said.</summary>
    public int? MaxTokens { get; internal set; }

    /// <summary>How many answers OpenAI's <c>n</c> asks for; null where the prompts are a list, each of which has answers of its own.</summary>
    public int? Choices { get; internal set; } = 1;

    /// <summary>How many answers a node makes for it: <c>n</c>, or <c>best_of</c> where that is more, for each of its prompts.</summary>
    public long Answers => Math.Max(Math.Max(1, N), BestOf) * (long)Math.Max(1, Prompts);

    internal int N { get; set; } = 1;

    internal int BestOf { get; set; } = 1;

    internal int Prompts { get; set; } = 1;

    /// <summary>Ollama's <c>num_ctx</c>; null where nothing is said.</summary>
    public int? NumCtx { get; internal set; }

    /// <summary>Whether the answer is always the same: the temperature is 0, or there is a seed that is no wish for a fresh one.</summary>
    public bool IsDeterministic => IsCold || IsSeeded;

    internal bool IsCold { get; set; }

    internal bool IsSeeded { get; set; }

    /// <summary>Whether there is a template in Ollama's language.</summary>
    public bool HasTemplate { get; internal set; }

    /// <summary>Whether there is an image.</summary>
    public bool HasImages { get; internal set; }

    /// <summary>What the node would have to fetch for it, such as images by URL; the worst of all there is.</summary>
    public Fetches Fetches { get; internal set; }

    /// <summary>Members that not every node is to be sent.</summary>
    public GuardedMembers Guarded { get; internal set; }

    /// <summary>Whether there are tools.</summary>
    public bool HasTools { get; internal set; }

    /// <summary>Whether it is said how the tools are to be used, beyond leaving it to the model: not every node that speaks the language listens to it.</summary>
    public bool ChoosesTools { get; internal set; }

    /// <summary>Whether the answer must be a call of a tool, any or a named one.</summary>
    public bool ForcesCall { get; internal set; }

    /// <summary>Whether nothing is to be answered, but the prompt to be shown that the template makes.</summary>
    public bool OnlyRenders { get; internal set; }

    /// <summary>Whether something is asked for, in Anthropic's language, that only Anthropic has: a tool that it runs itself, or a conversation that it keeps.</summary>
    public bool AsksAnthropic { get; internal set; }

    /// <summary>About how long the prompt is: bytes of UTF-8 in its texts and tools, without images; a token given by its number counts as four.</summary>
    public long PromptCharacters { get; internal set; }

    /// <summary>
    /// Hashes of the conversation's beginning, one for each 512 bytes of its texts and made from all before, at most 256. Requests with the same tools,
    /// system text and first messages have the same first hashes, whatever their options, the order of their members, their spaces and their escapes.
    /// </summary>
    public ReadOnlySpan<ulong> Prefixes => Hasher.Hashes;

    internal PrefixHasher Hasher { get; } = new();

    internal List<Place> Places { get; private set; } = new(UsualPlaces);

    /// <summary>Reads a body.</summary>
    /// <param name="body">The bytes; what follows the first value is not looked at.</param>
    /// <param name="dialect">The language of the API that was called.</param>
    /// <param name="scan">What was found.</param>
    /// <param name="fault">Where and why it is no JSON object, when false is returned. The API's own reader words the error for the client.</param>
    public static bool TryRead(ReadOnlyMemory<byte> body, Dialects dialect, [NotNullWhen(true)] out RequestScan? scan, out JsonFault fault)
    {
        scan = Rent();
        scan.Body = body;
        scan.Dialect = dialect;
        if (new RequestReader(scan).Read(out fault))
            return true;
        scan.Dispose();
        scan = null;
        return false;
    }

    /// <summary>Gives it back to the pool.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _rented, 0) == 0)
            return;
        Reset();
        if (Interlocked.Increment(ref _pooled) <= MaxPooled)
            _pool.Enqueue(this);
        else
            Interlocked.Decrement(ref _pooled);
    }

    private static RequestScan Rent()
    {
        if (_pool.TryDequeue(out var scan))
            Interlocked.Decrement(ref _pooled);
        else
            scan = new RequestScan();
        scan._rented = 1;
        return scan;
    }

    private void Reset()
    {
        Body = default;
        Dialect = Dialects.None;
        Model = null;
        Stream = null;
        Usage = UsageWish.Unsaid;
        Session = default;
        MaxTokens = null;
        Choices = 1;
        N = 1;
        BestOf = 1;
        Prompts = 1;
        NumCtx = null;
        IsCold = false;
        IsSeeded = false;
        HasTemplate = false;
        HasImages = false;
        Fetches = Fetches.Nothing;
        Guarded = GuardedMembers.None;
        HasTools = false;
        ChoosesTools = false;
        ForcesCall = false;
        OnlyRenders = false;
        AsksAnthropic = false;
        PromptCharacters = 0;
        Hasher.Reset();
        // A body may repeat a member as often as it likes; the pool need not remember that.
        if (Places.Capacity > UsualPlaces)
            Places = new(UsualPlaces);
        else
            Places.Clear();
    }
}
