namespace Chasqui.Engines.Templates;

/// <summary>A node of a parsed template: where it stands in the text, for messages.</summary>
internal abstract record GoNode(int Position);

internal sealed record GoBlock(int Position, IReadOnlyList<GoNode> Nodes) : GoNode(Position);

internal sealed record GoText(int Position, string Text) : GoNode(Position);

/// <summary>A pipeline whose value is printed, unless it only sets variables.</summary>
internal sealed record GoAction(int Position, GoPipe Pipe) : GoNode(Position);

internal enum GoBranchKind { If, Range, With }

internal sealed record GoBranch(int Position, GoBranchKind Kind, GoPipe Pipe, GoBlock Body, GoBlock? Else) : GoNode(Position);

internal sealed record GoBreak(int Position) : GoNode(Position);

internal sealed record GoContinue(int Position) : GoNode(Position);

internal sealed record GoCall(int Position, string Name, GoPipe? Pipe) : GoNode(Position);

internal sealed record GoPipe(int Position, IReadOnlyList<GoCommand> Commands, IReadOnlyList<string> Declares, bool Assigns)
    : GoNode(Position);

internal sealed record GoCommand(int Position, IReadOnlyList<GoNode> Arguments) : GoNode(Position);

internal sealed record GoFieldNode(int Position, IReadOnlyList<string> Names) : GoNode(Position);

internal sealed record GoVariable(int Position, string Name, IReadOnlyList<string> Fields) : GoNode(Position);

internal sealed record GoChain(int Position, GoNode Target, IReadOnlyList<string> Fields) : GoNode(Position);

internal sealed record GoIdentifier(int Position, string Name) : GoNode(Position);

internal sealed record GoDot(int Position) : GoNode(Position);

internal sealed record GoNil(int Position) : GoNode(Position);

/// <summary>A constant: <see cref="string"/>, <see cref="bool"/>, <see cref="long"/> or <see cref="double"/>.</summary>
internal sealed record GoConstant(int Position, object Value) : GoNode(Position);

/// <summary>A template text with those it defines, by name; the text itself is the one named "".</summary>
internal sealed record GoTree(GoBlock Root, IReadOnlyDictionary<string, GoBlock> Definitions);
